import { apiOptions, chosenQueries, openApi, windowOptions } from '../../deployment/api-options.ts';
import { printRows, zonesOf } from '../../print/result-table.ts';
import { defineCommand, flag, valueOr } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { text } from '../../program/option-value.ts';

export default defineCommand({
  description: 'Prints one key over time, a row for each window that holds it, from the query API.',
  options: {
    ...apiOptions,
    ...windowOptions,
    key: valueOr('json', 'the value of every group-by field, such as {"action":"Open"}', text, '{}'),
    fill: valueOr(
      'fill',
      'identity: a row for every window between, with what the aggregates are of nothing; or none',
      text,
      'none',
    ),
    json: flag('print one row a line as JSON'),
  },
  examples: [
    [
      `tidemark series --port 4500 --key '{"action":"Open"}' --fill identity`,
      'how many times it was opened, hour by hour',
    ],
  ],
  async run({ options, process }) {
    const api = await openApi(options);
    const queries = await chosenQueries(api, options.query);
    const [query, ...others] = queries;
    if (query === undefined || others.length > 0)
      throw new UsageError(`--query is missing: name one of ${queries.map(({ name }) => name).join(', ')}`);
    const { from, to, status, key, fill } = options;
    const points = await api.series(query.name, { from, to, status, key, fill });
    const rows = points.map(({ start, end, status: state, values }) => ({
      query: query.name,
      start,
      end,
      key: JSON.parse(key) as Readonly<Record<string, string>>,
      values,
      status: state ?? 'empty',
      revision: null,
    }));
    printRows(rows, options.json ? 'json' : 'table', process.stdout, { zones: zonesOf(queries) });
    return 0;
  },
});
