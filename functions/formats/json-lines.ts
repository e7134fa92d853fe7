import { afterByteOrderMark, looksUtf16 } from './encoding.ts';

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** Most bytes of blanks at the beginning of a file that are searched for its first character. */
const mostBlankBytes = 4096;

/**
 * How a text begins: `list` is a JSON array of events, `lines` are JSON lines, `unclear` needs more bytes. An array of
 * events is one whose first element is an object, or whose bracket stands alone on its line: a line such as
 * `[1469501107,"Open"]` is an event of its own.
 */
export function jsonLayout(bytes: Uint8Array): 'list' | 'lines' | 'utf16' | 'unclear' {
  if (bytes.length < (bytes[0] === 0xef ? 3 : 2)) return 'unclear';
  if (looksUtf16(bytes)) return 'utf16';
  const first = skipBlanks(bytes, afterByteOrderMark(bytes, 0, bytes.length));
  if (first === bytes.length) return bytes.length < mostBlankBytes ? 'unclear' : 'lines';
  if (bytes[first] !== OPEN_LIST) return 'lines';
  const second = skipBlanks(bytes, first + 1);
  if (bytes.subarray(first + 1, second).includes(LINE_FEED)) return 'list';
  if (second === bytes.length) return bytes.length < mostBlankBytes ? 'unclear' : 'lines';
  return bytes[second] === OPEN_OBJECT || bytes[second] === CLOSE_LIST ? 'list' : 'lines';
}

/**
 * JSON text as JSON lines, piece by piece. Lines pass as they are. Each element of an array becomes a line, numbered by
 * the line that it begins on, or by its place where several begin on one. Line breaks inside an element become tabs:
 * between tokens both are white space, and inside a text both are errors.
 * @throws Error that says so when the text is UTF-16, or an array is never closed
 */
export async function* jsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begin: Buffer = Buffer.alloc(0);
  let layout = jsonLayout(begin);
  let elements: ((chunk: Buffer) => Buffer) | undefined;
  let list: ReturnType<typeof listElements> | undefined;
  for await (const chunk of chunks) {
    if (layout !== 'unclear') {
      yield elements === undefined ? chunk : elements(chunk);
      continue;
    }
    begin = begin.length === 0 ? chunk : Buffer.concat([begin, chunk]);
    layout = jsonLayout(begin);
    if (layout === 'utf16') throw new Error(utf16Remedy);
    if (layout === 'unclear') continue;
    if (layout === 'list') {
      list = listElements();
      elements = list.take;
      begin = begin.subarray(afterByteOrderMark(begin, 0, begin.length));
    }
    yield elements === undefined ? begin : elements(begin);
  }
  if (layout === 'unclear' && begin.includes(OPEN_LIST)) throw new Error(unclosed(1));
  if (layout === 'unclear') yield begin;
  const open = list?.openLine();
  if (open !== undefined) throw new Error(unclosed(open));
}

const utf16Remedy = 'it is UTF-16, and JSON is UTF-8: convert it, iconv -f UTF-16 -t UTF-8';
const unclosed = (line: number) => `the JSON array that begins on line ${line} is never closed`;

/** Cuts the elements out of arrays that follow one another. Text outside of them is lines. */
function listElements() {
  let depth = 0;
  /** The place of the current bytes: between elements, in one, in a text of one, in a line that belongs to no array. */
  let state: 'between' | 'element' | 'text' | 'escape' | 'line' = 'between';
  let line = 1;
  let opened = 1;
  /** Lines given so far. */
  let given = 0;

  function begins(parts: Buffer[]): void {
    if (line - 1 > given) parts.push(Buffer.alloc(line - 1 - given, LINE_FEED));
    given = Math.max(line, given + 1);
  }

  function take(chunk: Buffer): Buffer {
    const parts: Buffer[] = [];
    let from = 0;
    const ends = (to: number): void => {
      parts.push(onOneLine(chunk, from, to), endOfLine);
      state = 'between';
    };
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === LINE_FEED) line += 1;
      if (state === 'text') {
        if (byte === QUOTE) state = 'element';
        else if (byte === BACKSLASH) state = 'escape';
        continue;
      }
      if (state === 'escape') {
        state = 'text';
        continue;
      }
      if (state === 'line') {
        if (byte === LINE_FEED) ends(at);
        continue;
      }
      if (state === 'between') {
        if (isBlank(byte) || (byte === COMMA && depth > 0)) continue;
        if (depth === 0 && byte === OPEN_LIST) {
          depth = 1;
          opened = line;
          continue;
        }
        if (depth === 1 && byte === CLOSE_LIST) {
          depth = 0;
          continue;
        }
        begins(parts);
        from = at;
        state = depth === 0 ? 'line' : 'element';
        if (state === 'line') continue;
      }
      if (byte === QUOTE) state = 'text';
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth += 1;
      else if (byte === COMMA && depth === 1) ends(at);
      else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        depth -= 1;
        if (depth === 0) ends(at);
      }
    }
    if (state !== 'between') parts.push(onOneLine(chunk, from, chunk.length));
    return Buffer.concat(parts);
  }

  return { take, openLine: () => (depth > 0 ? opened : undefined) };
}

const endOfLine = Buffer.from('\n');

function onOneLine(chunk: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.from(chunk.subarray(from, to));
  for (let at = 0; at < copy.length; at++) if (copy[at] === LINE_FEED || copy[at] === CARRIAGE_RETURN) copy[at] = TAB;
  return copy;
}

function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && isBlank(bytes[at])) at++;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === LINE_FEED || byte === CARRIAGE_RETURN;
}
