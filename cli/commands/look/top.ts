import { apiOptions, chosenQueries, openApi } from '../../deployment/api-options.ts';
import { printRows, zonesOf } from '../../print/result-table.ts';
import { defineCommand, flag, value } from '../../program/command.ts';
import { integer, text } from '../../program/option-value.ts';

export default defineCommand({
  description: 'Prints the greatest rows of a window by one aggregate, from the query API: a leaderboard.',
  options: {
    ...apiOptions,
    query: value('name', 'one query of the pipeline (default: all)', text),
    window: value(
      'time',
      'the start of a window: ISO 8601 with a zone, or epoch milliseconds (default: the newest one)',
      text,
    ),
    by: value('aggregate', 'by which rows are compared (default: the first one of the query)', text),
    n: value('rows', 'how many (default: 10)', integer(1, 1000)),
    json: flag('print one row a line as JSON'),
  },
  examples: [['tidemark top --port 4500 --by count --n 3', 'the three greatest of the newest window']],
  async run({ options, process }) {
    const api = await openApi(options);
    const queries = await chosenQueries(api, options.query);
    const { window, by, n } = options;
    const fitting = queries.filter(
      (query) =>
        by === undefined || options.query !== undefined || Object.hasOwn(query.aggregates, by.split('.')[0] ?? by),
    );
    const answers = await Promise.all(
      fitting.map(async ({ name }) => ({ name, top: await api.top(name, { window, by, n }) })),
    );
    for (const { name, top } of answers) {
      if (top.window === null) continue;
      const { start, end, status, revision } = top.window;
      const rows = top.rows.map((row) => ({ ...row, query: name, start, end, status, revision }));
      printRows(rows, options.json ? 'json' : 'table', process.stdout, {
        order: 'as given',
        zones: zonesOf(queries),
      });
    }
    if (!options.json && answers.every(({ top }) => top.window === null)) process.stdout.write('no windows\n');
    return 0;
  },
});
