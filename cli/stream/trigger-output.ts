import type { WindowJson } from '../../functions/api/window-json.ts';
import type { Query } from '../../functions/core/definition/pipeline.ts';
import { type OutputMode, type OutputPane, outputOf } from '../../functions/core/results/output-mode.ts';
import { resultRows } from '../deployment/api-client.ts';
import { printRows, type ResultForm, zonesOf } from '../print/result-table.ts';
import type { CommandProcess } from '../program/command.ts';
import type { Embedded } from './embedded.ts';

/**
 * A trigger's window in the form that the output mode takes. The trigger is its pane, because open windows are merged
 * live.
 */
type TriggerPane = OutputPane & WindowJson & { readonly revision: number };

/**
 * Prints the rows that each trigger sends in an output mode, as Spark's console sink does: a heading and the rows, or,
 * as JSON, the rows alone. A trigger that sends nothing prints nothing. When a run is gone on with, windows from before
 * the first trigger were sent before.
 */
export function triggerOutput(
  mode: OutputMode,
  pipelineQueries: readonly Pick<Query, 'name' | 'definedKind'>[],
  form: ResultForm,
  { stdout }: Pick<CommandProcess, 'stdout'>,
): (system: Embedded, trigger: number) => Promise<void> {
  const queries = pipelineQueries.map(({ name }) => name);
  const zones = zonesOf(pipelineQueries);
  const cursors = new Map<string, string>();
  const panes = new Map<string, TriggerPane>();

  async function changesOf({ api }: Embedded, query: string, trigger: number): Promise<readonly WindowJson[]> {
    const { windows, cursor } = await api.changes(
      query,
      mode === 'append' ? 'append' : 'update',
      {},
      cursors.get(query),
    );
    cursors.set(query, cursor);
    return windows.flatMap((window) => {
      const pane = { ...window, revision: trigger };
      const name = `${query} ${window.start}/${window.end}`;
      const sent = outputOf(mode === 'append' ? 'append' : 'update', { pane, before: panes.get(name), table: [] });
      panes.set(name, pane);
      return sent.map(({ rows }) => ({ ...window, rows }));
    });
  }

  let printed = '';
  async function printTable({ api }: Embedded, trigger: number): Promise<void> {
    const table = (await Promise.all(queries.map((query) => api.windows(query, {})))).flat();
    const rows = JSON.stringify(table.map(({ query, start, end, rows: own }) => [query, start, end, own]));
    if (trigger > 0 && table.length > 0 && rows !== printed) print(trigger, table);
    printed = rows;
  }

  function print(trigger: number, windows: readonly WindowJson[]): void {
    if (form === 'table') stdout.write(`trigger ${trigger}\n`);
    printRows(resultRows(windows), form, stdout, { zones });
  }

  return async (system, trigger) => {
    if (mode === 'complete') return printTable(system, trigger);
    const changed = (await Promise.all(queries.map((query) => changesOf(system, query, trigger)))).flat();
    if (trigger === 0 || changed.length === 0) return;
    print(trigger, changed);
  };
}
