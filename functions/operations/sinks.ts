import { argumentError } from '../core/arguments/error.ts';
import { type FailedWindow, redriveLetters, type SinkStatus, sinkStatuses } from '../state/sinks/sink-status.ts';
import { type Fields, type OperationContext, unmeasured } from './operation.ts';

export type { FailedWindow, SinkStatus };

/** The state of each sink of the pipeline. */
export const sinks = {
  name: 'sinks',
  parse: () => undefined,
  run: async ({ pipeline, state, served }: OperationContext) =>
    unmeasured({ sinks: await sinkStatuses(state, pipeline, served) }),
} as const;

/** The fields of a {@link redrive}. */
export interface RedriveFields {
  /** The sink whose dead letters are meant. */
  readonly sink: string;
}

/** Puts the dead letters of a sink into its outbox again. */
export const redrive = {
  name: 'redrive',
  parse({ sink }: Fields): string {
    if (typeof sink === 'string') return sink;
    throw argumentError('sink', sink, 'is not the name of a sink: give one of the pipeline');
  },
  async run(context: OperationContext, sink: string) {
    const answer = await redriveLetters(context, sink);
    context.wake(sink);
    return unmeasured(answer);
  },
} as const;
