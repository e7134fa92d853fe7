import { afterByteOrderMark } from '../../functions/formats/encoding.ts';
import { recordLimitBytes } from '../../functions/formats/lines.ts';

const lineFeed = 0x0a;

/**
 * Passes bytes on up to their last line end, and the rest once its line has ended too. At the end of the input, a line
 * without a line end is passed on only when it is a whole JSON object. A line that was cut anywhere is not one, so a
 * sender that died in the middle of a line leaves no half of an event.
 * @param onHalfLine hears how many bytes were left out
 */
export async function* wholeLines(
  chunks: AsyncIterable<Buffer>,
  onHalfLine: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let isFromLineStart = true;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(lineFeed) + 1;
    // A line longer than any line may be is passed on: the reader that cuts lines tells of it.
    const passed = end === 0 && heldBytes + chunk.length > recordLimitBytes ? chunk.length : end;
    if (passed > 0) {
      yield Buffer.concat([...held, chunk.subarray(0, passed)]);
      isFromLineStart = passed === end;
      held = [];
      heldBytes = 0;
    }
    const rest = chunk.subarray(passed);
    if (rest.length > 0) held.push(rest);
    heldBytes += rest.length;
  }
  if (heldBytes === 0) return;
  const last = Buffer.concat(held);
  if (!isFromLineStart || isJsonObject(last)) yield last;
  else onHalfLine(heldBytes);
}

function isJsonObject(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8', afterByteOrderMark(bytes, 0, bytes.length)));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
