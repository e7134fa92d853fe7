import { apiOptions, chosenQueries, openApi, windowOptions } from '../../deployment/api-options.ts';
import { printTotals, zonesOf } from '../../print/result-table.ts';
import { defineCommand, flag, value } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';

export default defineCommand({
  description:
    'Adds up the windows of a range by group-by fields, from the query API: select action, sum(count) ... group by action.',
  options: {
    ...apiOptions,
    ...windowOptions,
    by: value(
      'fields',
      'group-by fields, separated by commas; "" for the grand total (default: all fields)',
      (given) => given,
    ),
    json: flag('print one row a line as JSON'),
  },
  examples: [
    ['tidemark totals --port 4500 --by action', 'how many of each action there are'],
    ['tidemark totals --port 4500 --by "" --json', 'the grand total, for a script'],
  ],
  async run({ options, process }) {
    const api = await openApi(options);
    const { from, to, status, by } = options;
    const fields = (by ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    const queries = await chosenQueries(api, options.query);
    const fitting = queries.filter((query) => fields.every((name) => query.groupBy.includes(name)));
    if (fitting.length === 0)
      throw new UsageError(
        `--by: ${by} are not group-by fields of a query: use ${queries.flatMap((query) => query.groupBy).join(', ')}`,
      );
    const totals = await Promise.all(fitting.map((query) => api.totals(query.name, { from, to, status, by })));
    printTotals(totals.flat(), options.json ? 'json' : 'table', process.stdout, zonesOf(queries));
    return 0;
  },
});
