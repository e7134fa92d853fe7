import { setTimeout as delay } from 'node:timers/promises';
import { startLocal } from '../../../infra/local/local.ts';
import { apiClient } from '../../deployment/api-client.ts';
import { createProgress } from '../../print/progress.ts';
import { printLines } from '../../print/wrap.ts';
import { defineCommand, flag, value, valueOr } from '../../program/command.ts';
import { integer, text } from '../../program/option-value.ts';
import { defaultPipeline, loadPipeline, resolvePipelineFile } from '../../program/pipeline-file.ts';
import { checkFits } from '../../stream/fit.ts';

export default defineCommand({
  description:
    'Starts the embedded AWS with a pipeline deployed on it: stream, tables, functions, schedule and query API, as on AWS. Prints one line with ' +
    'its address when it is ready, and serves until Ctrl-C. Other commands find it by --port; AWS tools by AWS_ENDPOINT_URL.',
  options: {
    pipeline: valueOr(
      'name|path',
      'a file under pipelines/, or the path of any TypeScript file',
      text,
      defaultPipeline,
    ),
    port: valueOr('port', 'where to listen on 127.0.0.1; 0 for any free port', integer(0, 65_535), 4500),
    data: value('folder', 'keep everything in this folder (default: memory)', text),
    shards: valueOr('number', 'shards of the stream when it is made', integer(1, 100), 2),
    finalizeEvery: value('seconds', 'how often finalize runs (default: 60, as deployed)', integer(1, 3600)),
    json: flag('print the address and the names of everything as one JSON object'),
  },
  examples: [
    ['tidemark up --port 4500', 'then, elsewhere: tidemark replay events/*.json --port 4500'],
    ['tidemark up --port 0 --data run --json', 'any port, everything kept in the folder run'],
  ],
  async run({ options, process }) {
    const pipelineFile = resolvePipelineFile(options.pipeline);
    const pipeline = await loadPipeline(pipelineFile);
    const { port, shards, data: dataDir, finalizeEvery } = options;
    const starting = createProgress({ label: 'start', total: undefined }, process);
    starting.update(0, `the embedded AWS with ${pipeline.name}`);
    const local = await startLocal({
      pipelineFile,
      pipelineName: pipeline.name,
      port,
      shards,
      sinks: pipeline.sinks,
      ...(dataDir === undefined ? {} : { dataDir }),
      ...(finalizeEvery === undefined ? {} : { finalizeEveryMs: finalizeEvery * 1000 }),
    }).finally(() => starting.stop(''));
    const ended = new AbortController();
    local.onExit((error) => ended.abort(error));
    if (dataDir !== undefined)
      await checkFits(apiClient(local.url)).catch(async (error) => {
        await local.stop();
        throw error;
      });
    const { url, endpoints, streamName, tableNames, functionNames } = local;
    if (options.json)
      process.stdout.write(
        `${JSON.stringify({ url, endpoints, stream: streamName, tables: tableNames, functions: functionNames, sinks: local.sinkFunctions })}\n`,
      );
    else printLines(`tidemark: ${pipeline.name} is up at ${url} (Ctrl-C ends it); its page: ${url}/`, process.stdout);
    const { sinkFunctions } = local;
    const away = pipeline.sinks.filter(({ name }) => !Object.hasOwn(sinkFunctions, name));
    if (away.length > 0)
      process.stderr.write(
        `tidemark: nothing is published here to ${away.map(({ name, kind }) => `${name} (${kind})`).join(', ')}: deploy it for that\n`,
      );
    try {
      await delay(2 ** 31 - 1, undefined, { signal: AbortSignal.any([process.signal, ended.signal]) }).catch(
        () => undefined,
      );
    } finally {
      await local.stop();
    }
    if (ended.signal.aborted) throw ended.signal.reason;
    return 0;
  },
});
