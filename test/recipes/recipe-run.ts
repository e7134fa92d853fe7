import { type RunOptions, testPipeline } from '../../functions/testing/index.ts';
import { pipelineOf, type Recipe, type StatedTable } from './recipe-page.ts';

/** The same tables, with the rows that the pipeline gives. */
export async function tablesThatCome(recipe: Recipe, options: RunOptions = {}): Promise<readonly StatedTable[]> {
  const run = testPipeline(pipelineOf(recipe), options);
  for (const event of recipe.events) await run.put([event]);
  // What is open is read before the end, which makes it final.
  const open = new Map<string, readonly Shown[]>();
  for (const { caption } of recipe.tables) {
    const [, query] = /^`(\S+)`, read before the end:$/.exec(caption) ?? [];
    if (query !== undefined) open.set(query, ofWindows(await run.windows(query)));
  }
  await run.end();
  const day = dayOf(recipe);
  return recipe.tables.map(({ caption, columns }) => {
    const shown = shownBy(caption, run, open);
    return { caption, columns, rows: shown.map((row) => columns.map((column) => cell(row[column], column, day))) };
  });
}

type Run = ReturnType<typeof testPipeline>;
type Shown = Readonly<Record<string, unknown>>;

/** What a caption says that its table shows. */
function shownBy(caption: string, run: Run, open: ReadonlyMap<string, readonly Shown[]>): readonly Shown[] {
  const [, query] = /^`(\S+)`:$/.exec(caption) ?? [];
  if (query !== undefined) return ofWindows(run.rows(query).map((row) => ({ ...row, rows: [row] })));
  const [, read] = /^`(\S+)`, read before the end:$/.exec(caption) ?? [];
  if (read !== undefined) return open.get(read) ?? [];
  const [, paned] = /^Panes of `(\S+)`:$/.exec(caption) ?? [];
  if (paned !== undefined) return ofWindows(run.panes(paned));
  const [, sink] = /^Sent to `(\S+)`:$/.exec(caption) ?? [];
  if (sink !== undefined) return ofWindows(run.delivered(sink));
  if (caption === 'Late:') return run.late.map(({ query: of, event }) => ({ query: of, ...parsed(event) }));
  if (caption === 'Rejected:') return run.rejected.map(({ reason, event }) => ({ reason, ...parsed(event) }));
  if (caption === 'Classes:') return [{ ...run.conservation }];
  throw new Error(`a table of the page has a caption that its test does not know: ${caption}`);
}

const parsed = (event: unknown): Shown => JSON.parse(String(event)) as Shown;

interface Windowed {
  readonly start: number;
  readonly end: number;
  readonly rows: readonly { readonly key: object; readonly values: object; readonly grouping?: number }[];
}

function ofWindows(windows: readonly Windowed[]): readonly Shown[] {
  return windows.flatMap(({ rows, ...window }) =>
    rows.map(({ key, values, grouping }) => ({
      ...window,
      window: [window.start, window.end],
      grouping,
      ...key,
      ...values,
    })),
  );
}

/** The day of a recipe, by its first event: times of this day are shown without it. */
function dayOf({ events: [first = ''] }: Recipe): string {
  return /\d{4}-\d{2}-\d{2}/.exec(first)?.[0] ?? '';
}

function cell(value: unknown, column: string, day: string): string {
  if (column === 'window') return (value as readonly number[]).map((time) => shownTime(time, day)).join(' to ');
  if (value === undefined) return '';
  // Text of digits is shown as what it is: not a number.
  if (typeof value === 'string' && (value === '' || Number.isNaN(Number(value)))) return value;
  return JSON.stringify(value);
}

/** A time in UTC, as short as it can be. */
function shownTime(ms: number, day: string): string {
  const [date = '', time = ''] = new Date(ms).toISOString().split('T');
  const short = time.replace(/:00\.000Z$|\.000Z$|Z$/, '');
  return date === day ? short : `${date.slice(5)} ${short}`;
}
