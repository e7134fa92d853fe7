import { resultRows } from '../api-client.ts';
import { apiOptions, chosenQueries, openApi, windowOptions } from '../api-options.ts';
import { defineCommand, flag, value } from '../command.ts';
import { text } from '../option-value.ts';
import { printRows } from '../result-table.ts';

export default defineCommand({
  description: 'Prints windows, final and open ones, from the query API. Open windows are merged at the moment of the request.',
  options: {
    ...apiOptions,
    ...windowOptions,
    key: value('json', 'only rows with these group-by values, such as {"action":"Open"}', text),
    json: flag('print one row a line as JSON'),
  },
  examples: [
    ['tidemark windows --port 4500', 'all windows of all queries'],
    ['tidemark windows --port 4500 --from 2016-07-26T00:00:00Z --status final --json', 'the final ones since a time, for a script'],
  ],
  async run({ options, process }) {
    const api = await openApi(options);
    const { from, to, status, key } = options;
    const queries = await chosenQueries(api, options.query);
    const windows = await Promise.all(queries.map((query) => api.windows(query.name, { from, to, status, key })));
    printRows(resultRows(windows.flat()), options.json ? 'json' : 'table', process.stdout);
    return 0;
  },
});
