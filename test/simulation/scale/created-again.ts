import { TidemarkError } from '../../../functions/core/arguments/error.ts';
import { streamGuard } from '../../../functions/state/stream/stream-identity.ts';
import { demand } from './demand.ts';
import type { Figures } from './extent.ts';
import { newCaller } from './rounds.ts';
import type { ScaleShard } from './scale-shard.ts';
import { createScaleWorld } from './scale-world.ts';

const hourMs = 3_600_000;

/**
 * A stream is split, and its parent drained. Then the stream is deleted and created again with shards of the same
 * names. The new shard with the parent's name has records far behind the watermark that the state would compute without
 * it. If they were accepted, they would all be late. The finalizer has to refuse the stream before it concludes
 * anything, and so has a function that starts. Both have to go on when it is the old stream after all.
 */
export async function createdAgain(): Promise<Figures> {
  const shard = (shardId: string, put: number, hours: number, closed = false): ScaleShard => ({
    shardId,
    put,
    closed,
    event: (position) => ({
      id: `${shardId}.${position}`,
      time: (hours + position) * hourMs,
      key: 'k',
      garbage: false,
    }),
  });
  const parent = shard('shard-0', 2, 0, true);
  const child = shard('shard-1', 3, 2);
  const world = createScaleWorld({
    windowMs: hourMs,
    idleMs: 60_000,
    shards: [parent, child],
    idsOfWindow: (start) => {
      const hour = start / hourMs;
      return hour < 2 ? [`shard-0.${hour}`] : hour < 5 ? [`shard-1.${hour - 2}`] : [];
    },
  });
  const { rounds, stream, stores, oracle } = world;
  const run = (request?: 'drain') => world.finalizeRun(request);
  const refusal = (work: () => Promise<unknown>) =>
    work().then(
      () => undefined,
      (error: unknown) => error,
    );
  const newGuard = () => {
    const caller = newCaller();
    const guard = streamGuard(world.tables(caller).state, world.streamFor(caller), () => {});
    return () => rounds.run(guard);
  };

  await rounds.run(() => world.apply(world.container(parent), 0, parent.put));
  await rounds.run(() => world.apply(world.container(child), 0, child.put - 1));
  // Here a cold function sees the stream first, and the finalizer agrees with it.
  const warm = newGuard();
  await warm();
  const before = await run();
  demand(before.report?.watermark === 3 * hourMs, 'I7', () => `W is ${before.report?.watermark}`);
  const known = await run();
  demand(known.report?.shards[0]?.state === 'drained', 'I7', () => 'the parent is not drained');

  const original = { ...stream };
  const progress = { ...oracle.progress };
  const writes = () =>
    JSON.stringify(
      [...stores.state.all()].map(({ pk, sk, attributes }) => [pk, sk, Object.keys(attributes), attributes['state']]),
    );
  const state = writes();
  Object.assign(stream, {
    createdAt: original.createdAt + 1_000,
    shards: [shard('shard-0', 1_000, 0), shard('shard-1', 0, 0)],
  });
  const refusals = [await refusal(() => run()), await refusal(() => run('drain')), await refusal(newGuard())];
  for (const error of refusals) {
    const times = [original.createdAt, stream.createdAt].map((time) => new Date(time).toISOString());
    demand(
      error instanceof TidemarkError &&
        ['simulated', ...times, 'cdk deploy -c stage='].every((part) => error.message.includes(part)),
      'I7',
      () => `the stream is another one, and what comes of it is ${String(error)}`,
    );
  }
  demand(
    writes() === state && JSON.stringify(oracle.progress) === JSON.stringify(progress),
    'I7',
    () => 'a refused stream changes the state',
  );
  // A warm function has passed its check, so it makes no call a batch.
  demand((await refusal(warm)) === undefined, 'I8', () => 'a warm function asks again');

  Object.assign(stream, original);
  await newGuard()();
  await rounds.run(() => world.apply(world.container(child), child.put - 1, child.put));
  const drained = await run('drain');
  demand(drained.report?.drained === true, 'I8', () => 'the stream that was there first is not drained');
  oracle.checkEnd(stores.state, stores.windows, 0, 4 * hourMs);
  return { refusals: refusals.length, refusal: (refusals[0] as Error).message };
}
