import { checkKafkaSource } from '../../../functions/core/definition/kafka-source.ts';
import type { Pipeline, Query } from '../../../functions/core/definition/pipeline.ts';
import { hasFields } from '../../../functions/core/fold/totals.ts';
import { outputModes } from '../../../functions/core/results/output-mode.ts';
import { streamNameOf } from '../../feeder/feed.ts';
import type { TopicPlace } from '../../feeder/kafka-topic.ts';
import { inputFiles, inputOptions } from '../../input/input-file.ts';
import { lookupOptions, rowsFor } from '../../lookup/table-rows.ts';
import { printConservation, printRows, printTotals, type ResultForm, zonesOf } from '../../print/result-table.ts';
import { totalsBy } from '../../print/totals-option.ts';
import { defineCommand, flag, value, valueOr } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { integer, oneOf, text } from '../../program/option-value.ts';
import { defaultPipeline, loadPipeline, resolvePipelineFile } from '../../program/pipeline-file.ts';
import { rejectedOptions } from '../../static/rejected-lines.ts';
import { statusAtEnd } from '../../static/static-rows.ts';
import { warnOfSideOutput } from '../../stream/side-warning.ts';
import { runStream } from '../../stream/stream-run.ts';
import { triggerOutput } from '../../stream/trigger-output.ts';
import type { TriggerSize } from '../../stream/triggers.ts';
import { runWatch, type WatchRunOptions } from '../../stream/watch-run.ts';

export default defineCommand({
  operands: [
    { name: '[FILES...]', description: 'files of JSON lines, CSV or Parquet, in the order in which they come' },
  ],
  description:
    "Runs a pipeline's queries over files as a stream, the whole system embedded: Kinesis, aggregate, DynamoDB, finalize, query API. Ends when " +
    'all input is consumed and the end of the stream has closed every window. On clean input it prints the same bytes as batch. With --watch it goes on ' +
    'with each file that is moved into a folder, and prints windows as they become final, until Ctrl-C.',
  options: {
    pipeline: valueOr(
      'name|path',
      'a file under pipelines/, or the path of any TypeScript file',
      text,
      defaultPipeline,
    ),
    shards: valueOr('number', 'shards of the stream, or partitions of the topic', integer(1, 100), 4),
    source: valueOr(
      'kinesis|kafka',
      'the system that the files are put into and read from',
      oneOf(['kinesis', 'kafka']),
      'kinesis',
    ),
    bootstrapServers: value(
      'host:port,...',
      'with --source kafka: the brokers of a cluster without authentication, separated by commas',
      text,
    ),
    topic: value('name', 'with --source kafka: a topic that is new or empty (default: tidemark-PIPELINE)', text),
    watch: value(
      'folder',
      'instead of FILES: each file that is moved into this folder, once, also after a kill -9 (with --data and --resume)',
      text,
    ),
    maxFilesPerTrigger: value(
      'number',
      'files between two finalize runs (default: all at once)',
      integer(1, 1_000_000),
    ),
    triggerRecords: value('number', 'records between two finalize runs, instead of files', integer(1, 10_000_000)),
    rate: value('events', 'put at most so many events a second', integer(1, 10_000_000)),
    ...lookupOptions,
    ...inputOptions,
    ...rejectedOptions,
    data: value(
      'folder',
      'keep the stream, the tables and how far the files are read in this folder (default: memory)',
      text,
    ),
    resume: flag('go on with the stream that --data holds, after an interruption of any kind'),
    totals: value(
      'fields',
      'add up over the windows by these group-by fields, separated by commas; "" for the grand total',
      (given) => given,
    ),
    mode: value(
      'mode',
      "print the rows that each trigger sends, in Spark's output modes: append, update or complete (default: the final rows at the end)",
      oneOf(outputModes),
    ),
    json: flag('print one row a line as JSON; the counters as JSON on stderr'),
  },
  examples: [
    [
      'tidemark stream events/*.json --pipeline device-actions --shards 4 --max-files-per-trigger 1',
      'the lesson: the same query, as a stream',
    ],
    ['tidemark stream events/*.json --max-files-per-trigger 1 --mode update', 'the rows that each file changes'],
    ['tidemark stream events/*.json --data run --resume', 'go on after a kill -9'],
    [
      'tidemark stream events/*.json --source kafka --bootstrap-servers 127.0.0.1:9092',
      'the same, with a Kafka topic as the stream',
    ],
    [
      'tidemark stream --watch incoming --data run --pipeline device-actions',
      'a folder as a stream, until Ctrl-C; go on with --resume',
    ],
  ],
  async run({ operands, options, process }) {
    const pipelineFile = resolvePipelineFile(options.pipeline);
    const { watch, rate: eventsPerSecond } = options;
    if (watch === undefined && operands.length === 0)
      throw new UsageError('FILES are missing: name files, or a folder with --watch');
    const files = inputFiles(operands, options);
    const pipeline = await loadPipeline(pipelineFile);
    const by = options.totals === undefined ? undefined : totalsBy(options.totals, pipeline.queries);
    if (options.mode !== undefined && by !== undefined)
      throw new UsageError('--mode and --totals exclude each other: totals are made at the end, of all final windows');
    const lookupRows = await rowsFor(pipeline, options.lookup);
    const form: ResultForm = options.json ? 'json' : 'table';
    const zones = zonesOf(pipeline.queries);
    const trigger = triggerSize(options);
    const { shards, data: dataDir } = options;
    const kafka = topicPlace(options, pipeline.name);
    const start = options.resume ? 'resume' : 'fresh';
    const common = {
      pipeline,
      pipelineFile,
      lookupRows,
      shards,
      kafka,
      eventsPerSecond,
      dataDir,
      start,
      process,
    } as const;
    if (watch !== undefined) {
      if (kafka !== undefined)
        throw new UsageError('--watch puts files into a stream of Kinesis: leave out --source kafka, or name FILES');
      if (operands.length > 0 || by !== undefined || options.mode !== undefined)
        throw new UsageError(
          '--watch prints final windows as they come, without an end: leave out FILES, --totals and --mode',
        );
      return watchFolder(
        {
          ...common,
          folder: watch,
          input: options,
          trigger,
          maxRejected: options.maxRejected,
          onFinal: (rows) => printRows(rows, form, process.stdout, { zones }),
        },
        form,
      );
    }
    const output =
      options.mode === undefined ? {} : { afterTrigger: triggerOutput(options.mode, pipeline.queries, form, process) };
    return runStream(
      { ...common, files, trigger: trigger ?? { files: files.length }, ...output },
      async (system, result) => {
        if (options.mode !== undefined) {
          // Each trigger has printed its own rows.
        } else if (by === undefined) printRows(result.rows, form, process.stdout, { zones });
        else
          printTotals(
            await totals(pipeline, by, (query) =>
              system.api.totals(query.name, { by: by.join(), status: statusAtEnd(query) }),
            ),
            form,
            process.stdout,
            zones,
          );
        printConservation(
          {
            counters: result.conservation,
            queries: result.conservation.queries,
            writeUnits: result.writeUnits,
            seconds: result.streamSeconds,
          },
          form,
          process,
        );
        if (!result.conservation.holds) process.stderr.write('tidemark: the law of conservation does not hold\n');
        for (const line of await system.doubts()) process.stderr.write(`tidemark: ${line}\n`);
        const { startedAt: from, conservation } = result;
        const rejected = await warnOfSideOutput(system.api, { conservation, from }, options.maxRejected, process);
        return result.conservation.holds ? rejected : 1;
      },
    );
  },
});

function topicPlace(
  options: {
    readonly source: 'kinesis' | 'kafka';
    readonly bootstrapServers: string | undefined;
    readonly topic: string | undefined;
    readonly data: string | undefined;
  },
  pipelineName: string,
): TopicPlace | undefined {
  const { source, bootstrapServers, topic, data } = options;
  if (source === 'kinesis') {
    if (bootstrapServers !== undefined || topic !== undefined)
      throw new UsageError('--bootstrap-servers and --topic belong to a Kafka topic: give --source kafka with them');
    return undefined;
  }
  if (bootstrapServers === undefined)
    throw new UsageError('--source kafka needs --bootstrap-servers: name the brokers, such as 127.0.0.1:9092');
  if (data !== undefined)
    throw new UsageError(
      '--data keeps a stream of Kinesis: with --source kafka the brokers keep the records, leave it out',
    );
  const servers = bootstrapServers.split(',').map((server) => server.trim());
  const place = checkKafkaSource({
    topic: topic ?? streamNameOf(pipelineName),
    bootstrapServers: servers,
    authentication: 'plaintext',
  });
  return { topic: place.topic, bootstrapServers: place.bootstrapServers };
}

async function watchFolder(options: WatchRunOptions, form: ResultForm): Promise<number> {
  const { conservation, writeUnits, seconds, broken, rejected } = await runWatch(options);
  const { queries } = conservation;
  printConservation({ counters: conservation, queries, writeUnits, seconds }, form, options.process);
  if (!conservation.holds) options.process.stderr.write('tidemark: the law of conservation does not hold\n');
  return conservation.holds && broken === 0 ? rejected : 1;
}

function triggerSize(options: {
  readonly maxFilesPerTrigger: number | undefined;
  readonly triggerRecords: number | undefined;
}): TriggerSize | undefined {
  const { maxFilesPerTrigger, triggerRecords } = options;
  if (maxFilesPerTrigger !== undefined && triggerRecords !== undefined)
    throw new UsageError('--max-files-per-trigger and --trigger-records exclude each other: give one of them');
  if (triggerRecords !== undefined) return { records: triggerRecords };
  return maxFilesPerTrigger === undefined ? undefined : { files: maxFilesPerTrigger };
}

async function totals<Row>(
  pipeline: Pipeline,
  by: readonly string[],
  read: (query: Query) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const queries = pipeline.queries.filter((query) => hasFields(query, by));
  return (await Promise.all(queries.map((query) => read(query)))).flat();
}
