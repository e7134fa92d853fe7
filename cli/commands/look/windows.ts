import type { WindowJson } from '../../../functions/api/window-json.ts';
import { outputModes } from '../../../functions/core/results/output-mode.ts';
import { resultRows } from '../../deployment/api-client.ts';
import { apiOptions, chosenQueries, openApi, windowOptions } from '../../deployment/api-options.ts';
import { readCursors, writeCursors } from '../../deployment/cursor-file.ts';
import { printRevisions, printRows, zonesOf } from '../../print/result-table.ts';
import { defineCommand, flag, value } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { oneOf, text } from '../../program/option-value.ts';
import { allWindows } from '../../results/window-pages.ts';

export default defineCommand({
  description:
    'Prints windows, final and open ones, from the query API. Open windows are merged at the moment of the request. --mode prints what an output mode of ' +
    "Spark's name gives: append, final windows, each once; update, the windows that have changed; complete, the whole table.",
  options: {
    ...apiOptions,
    ...windowOptions,
    status: value('status', 'final, open or all (default: all)', text),
    key: value('json', 'only rows with these group-by values, such as {"action":"Open"}', text),
    mode: value('mode', 'append, update or complete', oneOf(outputModes)),
    cursor: value(
      'file',
      'with append and update: print what has come since the last time, which this file knows and is told',
      text,
    ),
    history: value(
      'time',
      'the panes of the windows that start at this time instead, as far as they are kept: each revision with its rows',
      text,
    ),
    json: flag('print one row a line as JSON'),
  },
  examples: [
    ['tidemark windows --port 4500', 'all windows of all queries'],
    [
      'tidemark windows --port 4500 --from 2016-07-26T00:00:00Z --status final --json',
      'the final ones since a time, for a script',
    ],
    [
      'tidemark windows --port 4500 --mode append --cursor seen.json --json',
      'those that became final since the last call, each once',
    ],
    [
      'tidemark windows --port 4500 --history 2016-07-26T02:00:00Z',
      'the rows of a window before it was final or corrected',
    ],
  ],
  async run({ operands: _operands, options, process }) {
    const { from, to, key, mode, cursor: cursorFile, history } = options;
    const status = options.status ?? 'all';
    if (history !== undefined && [options.status, from, to, mode, cursorFile].some((given) => given !== undefined))
      throw new UsageError('--history takes no other choice of windows: give --query and --key alone with it');
    if (cursorFile !== undefined && mode !== 'append' && mode !== 'update')
      throw new UsageError('--cursor is for --mode append and --mode update: the other lists begin anew each time');
    if (mode !== undefined && options.status !== undefined)
      throw new UsageError('--status and --mode exclude each other: a mode says itself which windows come');
    const api = await openApi(options);
    const queries = await chosenQueries(api, options.query);
    const form = options.json ? 'json' : 'table';
    const zones = zonesOf(queries);
    if (history !== undefined) {
      const revisions = await Promise.all(queries.map((query) => api.revisions(query.name, history, { key })));
      printRevisions(revisions.flat(), form, process.stdout, zones);
    } else if (mode === 'append' || mode === 'update') {
      const before = cursorFile === undefined ? {} : readCursors(cursorFile, mode);
      const changes = await Promise.all(
        queries.map((query) => api.changes(query.name, mode, { from, to, key }, before[query.name])),
      );
      printRows(resultRows(changes.flatMap(({ windows }) => windows)), form, process.stdout, { zones });
      const after = Object.fromEntries(queries.map(({ name }, i) => [name, changes[i]?.cursor ?? '']));
      if (cursorFile !== undefined) writeCursors(cursorFile, mode, { ...before, ...after });
    } else {
      const windows: WindowJson[] = [];
      for (const { name } of queries)
        for (const window of await allWindows('windows', api, name, { from, to, status, key }, process))
          windows.push(window);
      printRows(resultRows(windows), form, process.stdout, { zones });
    }
    return 0;
  },
});
