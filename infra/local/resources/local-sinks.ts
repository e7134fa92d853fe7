import { resolve } from 'node:path';
import type { Sink, SinkKind } from '../../../functions/core/definition/sink.ts';

/** The function of a sink, as the functions' process runs it. */
export interface LocalSink {
  readonly name: string;
  readonly functionName: string;
  /** The bundled file. */
  readonly file: string;
  readonly timeoutMs: number;
  readonly target: string | undefined;
  readonly secret: string | undefined;
}

/**
 * What there is on this machine to deliver to; a bus, a queue, a topic and a bucket are not: their windows are not
 * published here.
 */
const kindsHere: readonly SinkKind[] = ['file', 'webhook', 'forEachWindow', 'kinesis', 'dynamodb'];

/** The sinks of a pipeline that are served on this machine. */
export function sinksHere(sinks: readonly Sink[]): readonly Sink[] {
  return sinks.filter(({ kind }) => kindsHere.includes(kind));
}

/** The function of a sink on this machine. */
export function sinkFunctionName(pipelineName: string, sink: string): string {
  return `tidemark-${pipelineName}-deliver-${sink}`;
}

/**
 * What a sink delivers to: a stream or a table of the emulators, made with the others, a folder below the current one,
 * an address.
 */
export function localSinkTarget(pipelineName: string, sink: Sink): string | undefined {
  if (sink.kind === 'kinesis' || sink.kind === 'dynamodb') return `tidemark-${pipelineName}-sink-${sink.name}`;
  return sink.kind === 'file' ? resolve(sink.folder) : undefined;
}

/**
 * Signs webhooks where nobody has said what with: whoever receives them on this machine can check them all the same.
 */
const noSecret = `whsec_${Buffer.from('tidemark on this machine').toString('base64')}`;

/** What a webhook is signed with: `TIDEMARK_SECRET_NAME`, or what is in docs/SINKS.md. */
export function sinkSecret({ name, kind }: Sink, environment: NodeJS.ProcessEnv): string | undefined {
  return kind === 'webhook' ? (environment[`TIDEMARK_SECRET_${name}`] ?? noSecret) : undefined;
}
