import { NodeHttpHandler } from '@smithy/node-http-handler';
import { TidemarkError } from '../core/arguments/error.ts';
import type { Sink, SinkKind, SinkOf } from '../core/definition/sink.ts';
import type { SinkTarget } from '../state/sinks/delivery.ts';

/** What a target is opened with. */
export interface TargetSetup {
  readonly sink: Sink;
  /** The deployment's word for where it is: a URL, a name or an ARN, as the kind's client wants it. */
  readonly target: string | undefined;
  /** What requests are signed with. */
  readonly secret: string | undefined;
  /** The same, by the ARN of a secret in Secrets Manager. */
  readonly secretArn: string | undefined;
  /** How a client of S3 names a bucket. */
  readonly bucketIn: 'host' | 'path';
}

/**
 * What each file of this folder exports as `openTarget`: the function of a sink is bundled with one of them, as
 * `#sink`.
 */
export type OpenTarget = (setup: TargetSetup) => SinkTarget;

/** The sink, of the kind that the file which asks is for: that one is bundled for it. */
export function sinkOf<Kind extends SinkKind>({ sink }: TargetSetup, kind: Kind): SinkOf<Kind> {
  if (sink.kind !== kind)
    throw new Error(`sink ${sink.name} is ${sink.kind}(), and its function is bundled for ${kind}`);
  return sink as Sink & SinkOf<Kind>;
}

/** @throws TidemarkError when the deployment does not say where the target is */
export function required({ sink, target }: TargetSetup): string {
  if (target !== undefined && target !== '') return target;
  throw new TidemarkError(
    `sinks.${sink.name}: the function is not told where to deliver: deploy it with the construct, which sets it`,
  );
}

/**
 * How clients of targets connect: an attempt ends within ten seconds, which a run has left when it begins one. The
 * pauses between attempts are the run's own, and counted (functions/state/sinks/delivery.ts). HTTP/1, for every
 * emulator fails on Kinesis's HTTP/2.
 */
export const sinkClientConfig = {
  maxAttempts: 2,
  requestHandler: new NodeHttpHandler({ connectionTimeout: 1_500, requestTimeout: 3_000, throwOnRequestTimeout: true }),
} as const;
