import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, sliding, tumbling, type WindowKind } from '../../functions/core/index.ts';
import { commitCommand, voidCommand } from '../../functions/state/commands/command.ts';
import { type SideEvent, writeSideOutput } from '../../functions/state/items/side-event.ts';
import { claim, release, settle } from '../../functions/state/items/side-mark.ts';
import { readEntries } from '../../functions/state/log/log.ts';
import { operatorLog, putCommand } from '../../functions/state/log/operator.ts';
import type { CorrectionAnswer } from '../../functions/state/operations/correction.ts';
import { readStandingPane } from '../../functions/state/windows/pane-reader.ts';
import { writeCommandedPane, writePaneAt } from '../../functions/state/windows/pane-writer.ts';
import { hourMs, type OperatorWorld, operatorWorld, t0 } from '../fixtures/log/operator-world.ts';

function pipelineOf(window: WindowKind = tumbling('1 hour')) {
  return definePipeline({
    name: 'operated',
    event: z.object({ time: z.number(), key: z.string() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: '1 minute', maxFutureSkew: '30 days' },
    queries: { q: { groupBy: ['key'], window, aggregates: { n: count() } } },
  });
}

/** Hours 0 and 1 have a record each and are final; one record is late for hour 1. */
async function withLate(world: OperatorWorld = operatorWorld(pipelineOf())): Promise<OperatorWorld> {
  await world.put(0, t0 + 1);
  await world.put(0, t0 + hourMs + 1);
  for (let shard = 0; shard < world.shards; shard++) await world.put(shard, t0 + 4 * hourMs);
  await world.finalize();
  await world.put(0, t0 + hourMs + 5);
  return world;
}

/** The late event as an attempt writes it. */
async function lateEvent(world: OperatorWorld): Promise<SideEvent> {
  const [found] = await world.late();
  if (found === undefined) throw new Error('no late event');
  const {
    settled: _settled,
    claim: _claim,
    inside: _inside,
    payloadBytes: _bytes,
    payloadHash: _hash,
    ...event
  } = found;
  return event;
}

/** Deletes all windows, as if their table were lost. */
async function lose(world: OperatorWorld): Promise<void> {
  for (const { pk, sk } of await world.windows.query(world.query.name)) await world.windows.delete({ pk, sk });
}

describe('a late replay', () => {
  it('makes a revision of the final window by an epoch, once, and says the epoch', async () => {
    const world = await withLate();
    expect(await world.correct()).toMatchObject({
      settled: 1,
      windows: [{ start: t0 + hourMs, revision: 1, records: 1 }],
      waiting: 0,
      epoch: 2,
      done: true,
    });
    expect(await world.panes()).toEqual([
      [t0, 'final', 0, 1],
      [t0 + hourMs, 'final', 1, 2],
    ]);
    expect(await world.late()).toMatchObject([{ settled: 'replayed' }]);
    expect(await world.correct()).toMatchObject({ settled: 0, windows: [], epoch: null, done: true });
    expect(world.published.slice(2)).toEqual([[t0 + hourMs, 1, 'correction']]);
  });

  it('makes the first pane of a window that held nothing, which append sinks get', async () => {
    const world = await withLate();
    await world.put(0, t0 + 2 * hourMs);
    expect(await world.correct()).toMatchObject({ settled: 2 });
    expect(await world.panes()).toContainEqual([t0 + 2 * hourMs, 'final', 0, 1]);
    expect(world.published).toContainEqual([t0 + 2 * hourMs, 0, 'pane']);
    expect(world.published).toContainEqual([t0 + hourMs, 1, 'correction']);
    await world.put(0, t0 + 2 * hourMs + 1);
    await world.correct();
    expect(world.published.at(-1)).toEqual([t0 + 2 * hourMs, 1, 'correction']);
  });

  it('leaves a window waiting that held something and is not there', async () => {
    const world = await withLate();
    await world.put(0, t0 + 2 * hourMs);
    await lose(world);
    expect(await world.correct()).toMatchObject({ settled: 1, waiting: 1, done: true });
    expect(await world.panes()).toEqual([[t0 + 2 * hourMs, 'final', 0, 1]]);
    expect(await world.late()).toMatchObject([{ settled: null, claim: undefined }, { settled: 'replayed' }]);
  });

  it('leaves a window that is lost between the command and its epoch, and lets go of its events', async () => {
    const world = await withLate();
    let isLost = false;
    const advance = async () => {
      if (!isLost) await lose(world);
      isLost = true;
      await world.finalize();
    };
    expect(await world.correct({}, { advance })).toMatchObject({ settled: 0, windows: [], done: true });
    expect(await world.panes()).toEqual([]);
    expect(await world.late()).toMatchObject([{ settled: null, inside: [] }]);
    expect(await world.correct()).toMatchObject({ settled: 0, waiting: 1, done: true });
  });

  it('takes only what the log lists: what an attempt that lost has left is counted already', async () => {
    const world = await withLate();
    const late = await lateEvent(world);
    await writeSideOutput(world.rejects, late.shardId, [
      { ...late, position: 0, sequenceNumber: '1000001' },
      { ...late, position: 1, sequenceNumber: '1000003' },
    ]);
    expect(await world.late()).toHaveLength(3);
    expect(await world.correct()).toMatchObject({ settled: 1, windows: [{ records: 1 }], done: true });
    expect(await world.panes()).toContainEqual([t0 + hourMs, 'final', 1, 2]);
  });

  it('of a record that is in no entry yet waits for the entry', async () => {
    const world = await withLate();
    const late = await lateEvent(world);
    await writeSideOutput(world.rejects, late.shardId, [{ ...late, position: 4, sequenceNumber: '1000009' }]);
    expect(await world.correct()).toMatchObject({ settled: 1, done: true });
  });

  it('puts a record into all windows that overlap there', async () => {
    const world = await withLate(operatorWorld(pipelineOf(sliding('2 hours', '1 hour'))));
    const before = new Map((await world.panes()).map(([start, , , records]) => [start, records]));
    expect(await world.correct()).toMatchObject({ settled: 1, windows: [{ revision: 1 }, { revision: 1 }] });
    const after = new Map((await world.panes()).map(([start, , , records]) => [start, records]));
    for (const start of [t0, t0 + hourMs]) expect(after.get(start)).toBe((before.get(start) ?? 0) + 1);
  });
});

describe('a replay of many events', () => {
  it('goes on call by call, each with some commands, and puts each event in once', async () => {
    const world = await withLate();
    const most = 9_000;
    for (let at = 0; at < most; at += 500)
      await world.put(0, ...Array.from({ length: 500 }, (_, i) => t0 + ((at + i) % 2) * hourMs + 10));
    let settled = 0;
    let calls = 0;
    for (let after: CorrectionAnswer['progress'] = null, done = false; !done; calls++) {
      let isEmitted = false;
      const advance = async () => {
        await world.finalize();
        isEmitted = true;
      };
      // There is time for one group of events.
      const remainingMs = () => (isEmitted ? 10_000 : 60_000);
      const answer = await world.correct({ after: after ?? undefined }, { advance, remainingMs });
      settled += answer.settled;
      ({ done } = answer);
      after = answer.progress;
      expect(calls).toBeLessThan(10);
    }
    expect(calls).toBeGreaterThan(2);
    expect(settled).toBe(most + 1);
    expect((await world.panes()).map(([, , , records]) => records)).toEqual([1 + most / 2, 2 + most / 2]);
  });

  it('is not held up by a query that cannot be emitted', async () => {
    const world = await withLate();
    const advance = async () => {
      await world.finalize();
      throw new Error('another query');
    };
    expect(await world.correct({}, { advance })).toMatchObject({ settled: 1, done: true });
  });
});

describe('replays at the same time', () => {
  it('put each record in once, whoever gets it', async () => {
    const world = await withLate();
    for (let i = 0; i < 20; i++) await world.put(0, t0 + hourMs + 10 + i);
    const answers = await Promise.all([world.correct(), world.correct(), world.correct()]);
    expect(answers.reduce((total, { settled }) => total + settled, 0)).toBe(21);
    expect((await world.panes())[1]?.[3]).toBe(22);
  });

  it('wait for a claim while its claimant may be at work, and take it over afterwards', async () => {
    const world = await withLate();
    const [late] = await world.late();
    if (late === undefined) throw new Error('no late event');
    await claim(world.rejects, late, { id: 'other', until: world.nowMs + 30_000 });
    const busy = await world.correct();
    expect(busy).toMatchObject({ settled: 0, done: false });
    world.nowMs += 60_000;
    expect(await world.correct({ after: busy.progress ?? undefined })).toMatchObject({ settled: 1, done: true });
    // The other one comes back: its command never comes to be.
    const command = { id: 'other', kind: 'replay', query: 'q', by: 'other', windows: 1 } as const;
    expect(await commitCommand(world.state, command, world.nowMs)).toBe('refused');
  });

  it('finish what one of them has committed and left', async () => {
    const world = await withLate();
    const committed = world.correct({}, { advance: () => Promise.reject(new Error('killed')) });
    await expect(committed).rejects.toThrow('killed');
    expect(await world.late()).toMatchObject([{ settled: null, claim: { id: expect.any(String) } }]);
    expect(await world.correct()).toMatchObject({ settled: 1, epoch: 2, done: true });
    expect((await world.panes())[1]).toEqual([t0 + hourMs, 'final', 1, 2]);
  });
});

describe('an entry of a command', () => {
  it('counts once, though it is put twice, in one epoch or in two', async () => {
    const world = await withLate();
    const killed = { advance: () => Promise.reject(new Error('killed')) };
    await expect(world.correct({}, killed)).rejects.toThrow('killed');
    const [late] = await world.late();
    const again = { id: late?.claim?.id ?? '', kind: 'replay', query: 'q' } as const;
    await putCommand(world.state, again, world.nowMs);
    await world.finalize();
    await putCommand(world.state, again, world.nowMs);
    await world.finalize();
    expect((await world.panes())[1]).toEqual([t0 + hourMs, 'final', 1, 2]);
    expect((await readEntries(world.state, operatorLog, 1)).map(({ kind }) => kind)).toEqual([
      'join',
      'command',
      'command',
      'barrier',
      'command',
      'barrier',
    ]);
  });

  it('is an error when what the command staged is gone, not an empty command', async () => {
    const world = await withLate();
    await expect(world.correct({}, { advance: () => Promise.reject(new Error('killed')) })).rejects.toThrow('killed');
    const [late] = await world.late();
    const pk = `staged#${late?.claim?.id}`;
    for (const { sk } of await world.state.query(pk)) await world.state.delete({ pk, sk });
    await expect(world.finalize()).rejects.toThrow('0 of the 1 windows');
  });
});

describe('a discard', () => {
  it('is a mark that stays, though a zombie puts the event again, and keeps replays away', async () => {
    const world = await withLate();
    expect(await world.correct({ settled: 'discarded' })).toMatchObject({ settled: 1, windows: [], epoch: null });
    const late = await lateEvent(world);
    await writeSideOutput(world.rejects, late.shardId, [late]);
    expect(await world.late()).toMatchObject([{ settled: 'discarded' }]);
    expect(await world.correct()).toMatchObject({ settled: 0, done: true });
    expect((await world.panes())[1]).toEqual([t0 + hourMs, 'final', 0, 1]);
  });

  it('leaves what a replay has committed', async () => {
    const world = await withLate();
    await expect(world.correct({}, { advance: () => Promise.reject(new Error('killed')) })).rejects.toThrow('killed');
    expect(await world.correct({ settled: 'discarded' })).toMatchObject({ settled: 0, done: true });
    expect(await world.correct()).toMatchObject({ settled: 1 });
    expect(await world.late()).toMatchObject([{ settled: 'replayed' }]);
  });
});

describe('a replay of a long time', () => {
  it('goes on where it was cut off, and begins no earlier than events are kept', async () => {
    const world = await withLate(operatorWorld(pipelineOf(), 3));
    let calls = 0;
    let settled = 0;
    for (let after: CorrectionAnswer['progress'] | undefined; ; ) {
      let looks = 0;
      const remainingMs = () => (++looks > 3 ? 0 : 60_000);
      const answer = await world.correct(
        { arrival: { fromMs: 0, toMs: world.nowMs }, after: after ?? undefined },
        { remainingMs },
      );
      settled += answer.settled;
      calls++;
      if (answer.done) break;
      expect(answer.progress).not.toEqual(after);
      after = answer.progress;
      expect(calls).toBeLessThan(100);
    }
    expect(settled).toBe(1);
  });
});

describe('a command that was declared void', () => {
  it('is not committed', async () => {
    const world = await withLate();
    await voidCommand(world.state, 'x', world.nowMs);
    const command = { id: 'x', kind: 'replay', query: 'q', by: 'x', windows: 0 } as const;
    expect(await commitCommand(world.state, command, world.nowMs)).toBe('refused');
  });
});

describe('a claim', () => {
  it('is got by one of those who read the event without one', async () => {
    const world = await withLate();
    const [event] = await world.late();
    if (event === undefined) throw new Error('no late event');
    expect(await claim(world.rejects, event, { id: 'a', until: 1 })).toBe('applied');
    expect(await claim(world.rejects, event, { id: 'b', until: 1 })).toBe('refused');
    expect(await settle(world.rejects, event, 'discarded', 1)).toBe('refused');
  });

  it('is not got by who read the event before others had claimed it and let go of it', async () => {
    const world = await withLate();
    const readLate = async () => {
      const [event] = await world.late();
      if (event === undefined) throw new Error('no late event');
      return event;
    };
    await claim(world.rejects, await readLate(), { id: 'a', until: 1 });
    await release(world.rejects, await readLate(), 'a', []);
    const old = await readLate();
    await claim(world.rejects, await readLate(), { id: 'b', until: 1 });
    await release(world.rejects, await readLate(), 'b', ['a window']);
    expect(await claim(world.rejects, old, { id: 'c', until: 1 })).toBe('refused');
    expect(await claim(world.rejects, await readLate(), { id: 'c', until: 1 })).toBe('applied');
  });
});

describe('a pane of a command', () => {
  const window = { start: t0, end: t0 + hourMs };
  const partials = new Map([['["a"]', [1]]]);
  const final = { status: 'final', epoch: 2, partials, records: 1, nowMs: 1 } as const;
  const commanded = { epoch: 2, partials, records: 1, nowMs: 1 };

  it('takes the place of the pane that it was merged from, and of no other', async () => {
    const { windows, query } = operatorWorld(pipelineOf());
    await writePaneAt(windows, query, window, final);
    const standing = await readStandingPane(windows, query, window);
    const write = (id: string) =>
      writeCommandedPane(windows, query, window, { ...commanded, commands: [id], standing });
    expect(await write('a')).toMatchObject({ revision: 1 });
    expect(await write('b')).toBe(undefined);
    expect(await readStandingPane(windows, query, window)).toMatchObject({ epoch: 2, commands: ['a'] });
  });

  it('is not given for the final pane of its epoch, which was published before it', async () => {
    const { windows, query } = operatorWorld(pipelineOf());
    expect(await writePaneAt(windows, query, window, final)).toMatchObject({ revision: 0 });
    expect(await writePaneAt(windows, query, window, final)).toMatchObject({ revision: 0 });
    const standing = await readStandingPane(windows, query, window);
    await writeCommandedPane(windows, query, window, { ...commanded, commands: ['a'], standing });
    expect(await writePaneAt(windows, query, window, final)).toBe(undefined);
  });

  it('names the commands of its epoch alone', async () => {
    const { windows, query } = operatorWorld(pipelineOf());
    await writePaneAt(windows, query, window, final);
    for (const [epoch, id] of [
      [2, 'a'],
      [2, 'b'],
      [3, 'c'],
    ] as const) {
      const standing = await readStandingPane(windows, query, window);
      await writeCommandedPane(windows, query, window, { ...commanded, epoch, commands: [id], standing });
    }
    expect(await readStandingPane(windows, query, window)).toMatchObject({
      pane: { revision: 3, records: 1 },
      epoch: 3,
      commands: ['c'],
      isFirst: false,
    });
  });
});
