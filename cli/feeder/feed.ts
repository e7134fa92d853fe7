import { KinesisClient } from '@aws-sdk/client-kinesis';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import type { FeederOptions, FeederProgress } from '../../functions/feeder/feeder.ts';
import { linePartitionKey } from '../../functions/feeder/partition-key.ts';
import { hasApi, served, servedFile } from '../deployment/deployed.ts';
import { clientConfig } from '../deployment/endpoint.ts';
import { deploymentOptions, stackOutput } from '../deployment/stack.ts';
import { formatNumber } from '../print/number-text.ts';
import { type CommandProcess, negated, type OptionValues, value } from '../program/command.ts';
import { text } from '../program/option-value.ts';
import { defaultPipeline, loadPipeline } from '../program/pipeline-file.ts';

/** The options of the commands that put events into a stream. */
export const feedOptions = {
  pipeline: value(
    'name|file',
    `a pipeline under pipelines/ or any TypeScript file: it names the stream and says which events share a shard (default: the one that --port or --stack serves; ${defaultPipeline} elsewhere)`,
    text,
  ),
  stream: value('name', 'the stream (default: the one of --stack, or tidemark-PIPELINE)', text),
  ...deploymentOptions,
  aggregate: negated('one event in each Kinesis record, instead of up to 25 KB of them'),
};

/** The part that `replay` and `put` share: the stream to put events into, and the way they are put. */
export async function openFeed(
  options: OptionValues<typeof feedOptions>,
  { stderr, signal }: CommandProcess,
  fallback: string = defaultPipeline,
): Promise<Pick<FeederOptions, 'kinesis' | 'streamName' | 'packing' | 'partitionKey' | 'onNotPut' | 'signal'>> {
  // First of all: options that exclude each other are reported before anybody is asked.
  const kinesis = new KinesisClient(clientConfig(options));
  const { name, pipeline } = await fedPipeline(options, fallback);
  return {
    kinesis,
    streamName:
      options.stream ?? (options.stack === undefined ? streamNameOf(name) : await stackOutput(options, 'StreamName')),
    packing: options.aggregate ? 'aggregate' : 'single',
    partitionKey: pipeline && linePartitionKey(pipeline),
    onNotPut: ({ name, number, bytes }) =>
      void stderr.write(
        `${name}:${number}: not put: the line has ${formatNumber(bytes)} bytes, and a Kinesis record holds at most 1 MiB with its key\n`,
      ),
    signal,
  };
}

interface FedPipeline {
  readonly name: string;
  /** Undefined: the events may go to any shard. */
  readonly pipeline: Pipeline | undefined;
}

/**
 * The pipeline whose events are put. The name of a stream alone says nothing about keys: its records go round the
 * shards.
 */
async function fedPipeline(options: OptionValues<typeof feedOptions>, fallback: string): Promise<FedPipeline> {
  const { stream, pipeline: given } = options;
  if (stream !== undefined) {
    if (given === undefined) return { name: fallback, pipeline: undefined };
    const pipeline = await loadPipeline(given);
    return { name: pipeline.name, pipeline };
  }
  if (given === undefined && hasApi(options)) {
    const { pipeline: name, keyed } = await served(options);
    if (!keyed) return { name, pipeline: undefined };
  }
  const pipeline = await loadPipeline(await servedFile(options, fallback));
  return { name: pipeline.name, pipeline };
}

/** The stream of a pipeline, unless another is named. */
export function streamNameOf(pipelineName: string): string {
  return `tidemark-${pipelineName}`;
}

/** The number of events that were put, for a person; empty when a failed call put none. */
export function describeEnd(progress: FeederProgress, outcome: 'done' | 'failed'): string {
  return outcome === 'failed' && progress.recordsPut === 0 ? '' : describeFeed(progress);
}

/** The number of events that were put so far, for a person. */
export function describeFeed(progress: FeederProgress): string {
  const { eventsPut, recordsPut, skipped, notPut, retried } = progress;
  const extras = [
    skipped > 0 ? `${formatNumber(skipped)} skipped` : '',
    notPut > 0 ? `${formatNumber(notPut)} too long` : '',
    retried > 0 ? `${formatNumber(retried)} retries` : '',
  ].filter((extra) => extra !== '');
  return [`${formatNumber(eventsPut)} events in ${formatNumber(recordsPut)} records`, ...extras].join(', ');
}
