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
 * The kinds of sinks that have a target on this machine. A bus, a queue, a topic and a bucket have none: their windows
 * are not published here.
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
 * The target of a sink: a stream or a table of the emulators, made with the others, or a folder, relative to the
 * current one. Undefined for the other kinds.
 */
export function localSinkTarget(pipelineName: string, sink: Sink): string | undefined {
  if (sink.kind === 'kinesis' || sink.kind === 'dynamodb') return `tidemark-${pipelineName}-sink-${sink.name}`;
  return sink.kind === 'file' ? resolve(sink.folder) : undefined;
}

/** The secret for webhooks where no other is given. Receivers on this machine can check the signatures all the same. */
const noSecret = `whsec_${Buffer.from('tidemark on this machine').toString('base64')}`;

/** The secret that signs a webhook: `TIDEMARK_SECRET_NAME`, or else the one in docs/SINKS.md. */
export function sinkSecret({ name, kind }: Sink, environment: NodeJS.ProcessEnv): string | undefined {
  return kind === 'webhook' ? (environment[`TIDEMARK_SECRET_${name}`] ?? noSecret) : undefined;
}
