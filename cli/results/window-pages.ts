import type { WindowJson } from '../../functions/api/window-json.ts';
import type { ApiClient, WindowFilter } from '../deployment/api-client.ts';
import { formatNumber } from '../print/number-text.ts';
import { createProgress } from '../print/progress.ts';
import type { CommandProcess } from '../program/command.ts';

/** Shorter reads show no progress, in ms. */
const progressAfterMs = 1000;

/**
 * The windows of a query, a page after the other, with the progress meanwhile. Pages come by time, so what is left is
 * foretold by how much of event time is behind.
 * @param label the command that reads them
 */
export async function* windowPages(
  label: string,
  api: ApiClient,
  name: string,
  filter: WindowFilter,
  process: CommandProcess,
): AsyncGenerator<readonly WindowJson[]> {
  const lastMs = timeOf(filter.to) ?? (await api.watermark()).watermark ?? undefined;
  const progress = createProgress(
    { label, total: lastMs === undefined ? undefined : 1, afterMs: progressAfterMs },
    process,
  );
  let firstMs: number | undefined;
  let rows = 0;
  try {
    for await (const windows of api.windowPages(name, filter)) {
      process.signal.throwIfAborted();
      const [first, last] = [windows[0], windows.at(-1)];
      firstMs ??= first?.start;
      for (const window of windows) rows += window.rows.length;
      if (last !== undefined && firstMs !== undefined) {
        const share = (last.start - firstMs) / Math.max(1, (lastMs ?? last.start) - firstMs);
        progress.update(Math.min(1, share), `${formatNumber(rows)} rows of ${name}`);
      }
      yield windows;
    }
  } finally {
    progress.stop('');
  }
}

/** All windows of a query. */
export async function allWindows(...asked: Parameters<typeof windowPages>): Promise<readonly WindowJson[]> {
  const all: WindowJson[] = [];
  for await (const page of windowPages(...asked)) for (const window of page) all.push(window);
  return all;
}

/** `from` and `to` are what the API takes: epoch ms, or ISO 8601. Undefined: the API is to say what is wrong. */
function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^-?\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
