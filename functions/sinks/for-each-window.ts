import runOfFile from '#window-function';
import { TidemarkError } from '../core/arguments/error.ts';
import { type OpenTarget, sinkOf } from './setup.ts';

/**
 * The user's own function, called in order, at least once. It may do anything, even end the process or hang. So
 * attempts are counted before they are made.
 */
export const openTarget: OpenTarget = (setup) => {
  const sink = sinkOf(setup, 'forEachWindow');
  const run = typeof sink.run === 'function' ? sink.run : runOfFile;
  if (typeof run !== 'function')
    throw new TidemarkError(
      `sinks.${sink.name}: ${sink.run} has no function as its default export: write export default async (window) => { ... }`,
    );
  return {
    order: 'ordered',
    process: 'mayEnd',
    update: 'rows',
    async deliver(delivery) {
      await run(delivery);
    },
  };
};
