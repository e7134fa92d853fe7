import { NodeHttpHandler } from '@smithy/node-http-handler';
import { TidemarkError } from '../core/arguments/error.ts';
import type { Sink, SinkKind, SinkOf } from '../core/definition/sink.ts';
import type { SinkTarget } from '../state/sinks/delivery.ts';

/** The settings that a target is opened with. */
export interface TargetSetup {
  readonly sink: Sink;
  /** The address of the target in the deployment: a URL, a name or an ARN, as the kind's client wants it. */
  readonly target: string | undefined;
  /** The secret that requests are signed with. */
  readonly secret: string | undefined;
  /** The ARN of the same secret in Secrets Manager. */
  readonly secretArn: string | undefined;
  /** How a client of S3 names a bucket. */
  readonly bucketIn: 'host' | 'path';
}

/**
 * The type of the export `openTarget` of each file of this folder. The function of a sink is bundled with one of these
 * files, as `#sink`.
 */
export type OpenTarget = (setup: TargetSetup) => SinkTarget;

/** The sink, with the type of its kind. The file that calls this is only bundled for sinks of that kind. */
export function sinkOf<Kind extends SinkKind>({ sink }: TargetSetup, kind: Kind): SinkOf<Kind> {
  if (sink.kind !== kind)
    throw new Error(`sink ${sink.name} is ${sink.kind}(), and its function is bundled for ${kind}`);
  return sink as Sink & SinkOf<Kind>;
}

/** The address of the target. @throws TidemarkError when the deployment does not give one */
export function required({ sink, target }: TargetSetup): string {
  if (target !== undefined && target !== '') return target;
  throw new TidemarkError(
    `sinks.${sink.name}: the function is not told where to deliver: deploy it with the construct, which sets it`,
  );
}

/**
 * How clients of targets connect. An attempt ends within ten seconds, which a run has left when it begins one. The
 * pauses between attempts are the run's own, and counted (functions/state/sinks/delivery.ts). HTTP/1, for every
 * emulator fails on Kinesis's HTTP/2.
 */
export const sinkClientConfig = {
  maxAttempts: 2,
  requestHandler: new NodeHttpHandler({ connectionTimeout: 1_500, requestTimeout: 3_000, throwOnRequestTimeout: true }),
} as const;
