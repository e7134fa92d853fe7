import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import type { DeliveredWindow, Delivery, Sink } from '../../core/definition/sink.ts';
import { streamRetentionHours } from '../../core/deployment/settings.ts';
import type { Table } from '../table/table.ts';
import type { Pane } from '../windows/pane.ts';
import { readPane, readPanes } from '../windows/pane-reader.ts';
import { failureReason } from './failure-reason.ts';
import { type Attempted, giveUp, noteAttempt, readDead, readWaiting, takeOut, type Waiting } from './outbox.ts';
import { endTurn, noteSent, readSent, rowHash, takeTurn } from './sink-state.ts';

/** The place that a sink's panes go to. Implemented by the files of functions/sinks, one for each kind. */
export interface SinkTarget {
  /**
   * `ordered`: a query's panes arrive in the order of their delivery. They go one by one, and a pane that fails holds
   * up those behind it.
   */
  readonly order: 'ordered' | 'unordered';
  /** `mayEnd`: the target runs code that may end the process or hang. An attempt is then counted before it is made. */
  readonly process: 'safe' | 'mayEnd';
  /**
   * The rows that mode `update` sends: those that have changed, or all of a window where the target keeps it as one
   * thing.
   */
  readonly update: 'rows' | 'windows';
  /**
   * Resolves when the target has acknowledged the whole pane.
   * @throws DeliveryRefused when another attempt is useless; any other error when the delivery is to be tried again
   */
  deliver(delivery: Delivery): Promise<void>;
}

/**
 * A target's answer that it will never take this pane. The pane goes to the dead letters at once. The message gives the
 * reason.
 */
export class DeliveryRefused extends Error {
  override readonly name = 'DeliveryRefused';
}

/** The inputs of one run of a sink's function. Time and waiting are arguments. */
export interface DeliveryOptions {
  readonly pipeline: Pipeline;
  readonly sink: Sink;
  readonly state: Table;
  readonly windows: Table;
  readonly target: SinkTarget;
  /** Epoch ms. */
  readonly now: () => number;
  readonly remainingMs: () => number;
  /** Waits, for the pause before a delivery is tried again. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Between 0 and 1, to spread what is tried again. */
  readonly random: () => number;
  /** An id that no other run has. */
  readonly runId: string;
  /** Called for each failure, and for each window that is given up. */
  readonly onFailure: (waiting: Waiting, reason: string, outcome: 'again' | 'dead') => void;
}

/** The outcome of a run. */
export interface DeliveryReport {
  /** `busy`: another run had the sink's turn and delivers the windows that are there. */
  readonly outcome: 'done' | 'busy';
  readonly delivered: number;
  /** Attempts that failed. */
  readonly failed: number;
  /** Windows that the run gave up. */
  readonly dead: number;
  /**
   * How long a query's first waiting window has waited, ms: the longest time among the queries. 0 when no window waits.
   */
  readonly oldestMs: number;
  /** Dead letters in the sink; at most 100 of each query are counted. */
  readonly deadLetters: number;
}

/**
 * No delivery is begun with less time than this, in ms. An attempt that does not end would be counted, and its outcome
 * would not be known.
 */
const reserveMs = 10_000;

/** The run waits for a pause up to this long, in ms. After a longer pause the scheduled run delivers. */
const longestWaitMs = 5_000;

/** The pause before the second attempt and the longest pause, in ms. The pause doubles in between. */
const firstPauseMs = 1_000;
const longestPauseMs = 15 * 60_000;

/** Windows read together. An unordered target gets as many at a time. */
const windowsAtATime = 16;

/** Dead letters that a run counts of each query. */
const mostCounted = 100;

/** How long the sent rows are remembered after a delivery, in ms: as long as what a run may still read is kept. */
const rememberedMs = (streamRetentionHours / 24 + 2) * 24 * 3_600_000;

/** How much longer a turn lasts than its run, in ms. The last delivery may still be on its way. */
const graceMs = 5_000;

/**
 * Delivers the windows that wait for a sink, those of each query by themselves. May be killed anywhere, run twice and
 * overlap itself.
 */
export async function deliverWaiting(options: DeliveryOptions): Promise<DeliveryReport> {
  const { state, sink, runId, now, remainingMs } = options;
  const counts = { delivered: 0, failed: 0, dead: 0 };
  for (;;) {
    const before = await takeTurn(state, sink.name, runId, now(), now() + remainingMs() + graceMs);
    if (before === undefined) return { outcome: 'busy', ...counts, oldestMs: 0, deadLetters: 0 };
    const already = counts.delivered;
    try {
      await Promise.all(sink.queries.map((query) => deliverQuery(options, query, counts)));
    } finally {
      const own = counts.delivered - already;
      const last = own === 0 ? before.lastDeliveredAt : now();
      await endTurn(state, sink.name, runId, { delivered: before.delivered + own, lastDeliveredAt: last });
    }
    // A run that was told `busy` relies on this one to see the windows put before it. They are looked for once more,
    // now that the turn is free.
    const { due, oldestMs } = await look(options);
    if (due && remainingMs() > reserveMs) continue;
    const letters = await Promise.all(sink.queries.map((query) => readDead(state, sink.name, query, mostCounted)));
    return { outcome: 'done', ...counts, oldestMs, deadLetters: letters.flat().length };
  }
}

interface Counts {
  delivered: number;
  failed: number;
  dead: number;
}

/** Whether any waiting window is due, and for how long the first waiting window has waited. */
async function look({
  state,
  sink,
  now,
}: DeliveryOptions): Promise<{ readonly due: boolean; readonly oldestMs: number }> {
  const firsts = (await Promise.all(sink.queries.map((query) => readWaiting(state, sink.name, query, 1)))).flat();
  const since = firsts.map(({ putAt, failingSince }) => Math.min(putAt, failingSince ?? putAt));
  const due = firsts.some(({ notBefore }) => notBefore === undefined || notBefore <= now());
  return { due, oldestMs: since.length === 0 ? 0 : Math.max(0, now() - Math.min(...since)) };
}

/** Passes over a query's outbox until it is empty, or until its windows have to wait for longer than a run waits. */
async function deliverQuery(options: DeliveryOptions, query: string, counts: Counts): Promise<void> {
  const { now, remainingMs, sleep } = options;
  for (;;) {
    const { gone, nextAt } = await passOver(options, query, counts);
    if (remainingMs() < reserveMs) return;
    if (nextAt !== undefined && nextAt - now() <= longestWaitMs && nextAt - now() < remainingMs() - reserveMs)
      await sleep(nextAt - now());
    // Windows put meanwhile are found by another pass. A pass that took out none is the last, or there would be no end.
    else if (gone === 0) return;
  }
}

/** @returns how many windows have left the outbox, and when the first one that failed may be tried again */
async function passOver(
  options: DeliveryOptions,
  query: string,
  counts: Counts,
): Promise<{ readonly gone: number; readonly nextAt: number | undefined }> {
  const { state, sink, target, now, remainingMs } = options;
  let gone = 0;
  let nextAt: number | undefined;
  const take = async (waiting: Waiting): Promise<'gone' | 'stays'> => {
    if (remainingMs() < reserveMs) return 'stays';
    const notBefore = waiting.notBefore ?? 0;
    const again = notBefore > now() ? notBefore : await attempt(options, waiting, counts);
    if (again === 'gone') gone++;
    else nextAt = Math.min(nextAt ?? again, again);
    return again === 'gone' ? 'gone' : 'stays';
  };
  for (let after: Waiting | undefined; ; ) {
    const some: readonly Waiting[] = await readWaiting(state, sink.name, query, windowsAtATime, after);
    if (target.order === 'unordered') await Promise.all(some.map(take));
    else for (const waiting of some) if ((await take(waiting)) === 'stays') return { gone, nextAt };
    after = some[windowsAtATime - 1];
    if (after === undefined || remainingMs() < reserveMs) return { gone, nextAt };
  }
}

/**
 * Tries to deliver a window.
 * @returns when it may be tried again, epoch ms, or that it is gone: delivered, or given up
 */
async function attempt(options: DeliveryOptions, waiting: Waiting, counts: Counts): Promise<'gone' | number> {
  const { state, sink, target, pipeline, now } = options;
  const query = pipeline.queries.find(({ name }) => name === waiting.query);
  const fail = (error: unknown, attempts: number) => failed(options, waiting, counts, error, attempts);
  if (query === undefined)
    return fail(new DeliveryRefused('the pipeline has no such query any more'), waiting.attempts);
  if (target.process === 'mayEnd') {
    if (waiting.attempts >= sink.attempts)
      return fail(new Error(waiting.reason ?? 'the function ended'), waiting.attempts);
    const reason = 'the function ended, or ran out of time, before it was done';
    await noteAttempt(state, waiting, attemptedOf(options, waiting, waiting.attempts + 1, reason));
  }
  let pane: Pane | undefined;
  try {
    pane = await readPane(options.windows, query, waiting);
    if (pane === undefined) return fail(new DeliveryRefused('the window is not there any more'), waiting.attempts);
    const delivery = await deliveryOf(options, query, pane);
    if (delivery !== undefined) {
      await target.deliver(delivery);
      counts.delivered++;
    }
  } catch (error) {
    return fail(error, waiting.attempts + 1);
  }
  // Remembered before the window is taken out. After a crash between the two, nothing is sent again.
  if (sendsChanges(options)) await noteSent(state, sink.name, pane, Math.floor((now() + rememberedMs) / 1000));
  await takeOut(state, waiting);
  return 'gone';
}

/** Notes a failure. Gives the window up when the target refused it or the attempts are used up. */
async function failed(
  options: DeliveryOptions,
  waiting: Waiting,
  counts: Counts,
  error: unknown,
  attempts: number,
): Promise<'gone' | number> {
  const { state, sink, now, onFailure } = options;
  const reason = failureReason(error);
  const attempted = attemptedOf(options, waiting, attempts, reason);
  counts.failed++;
  if (error instanceof DeliveryRefused || attempts >= sink.attempts) {
    await giveUp(state, waiting, attempted, now());
    counts.dead++;
    onFailure(waiting, reason, 'dead');
    return 'gone';
  }
  await noteAttempt(state, waiting, attempted);
  onFailure(waiting, reason, 'again');
  return attempted.notBefore;
}

/**
 * The pause doubles with each attempt. Up to a quarter of it is cut off at random, so that windows that failed together
 * do not come again together.
 */
function attemptedOf(
  { now, random }: DeliveryOptions,
  { failingSince }: Waiting,
  attempts: number,
  reason: string,
): Attempted {
  const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.max(0, attempts - 1));
  return {
    attempts,
    failingSince: failingSince ?? now(),
    notBefore: now() + Math.ceil(pauseMs * (1 - random() / 4)),
    reason,
  };
}

/**
 * The delivery that a target gets for a pane, by the sink's mode (functions/core/results/output-mode.ts); undefined
 * when there is nothing to tell.
 */
async function deliveryOf(options: DeliveryOptions, query: Query, pane: Pane): Promise<Delivery | undefined> {
  const { pipeline, sink, state, windows } = options;
  const { mode, name } = sink;
  const id = `${pane.query}/${pane.start}/${pane.end}/${pane.revision}`;
  const whole: Delivery = { id, pipeline: pipeline.name, mode, ...windowOf(pane) };
  if (mode === 'complete') return { ...whole, table: (await readPanes(windows, query, allWindows)).map(windowOf) };
  if (!sendsChanges(options)) return whole;
  const sent = await readSent(state, name, query.name, pane);
  if (sent === undefined) return whole;
  if (sent.revision >= pane.revision) return undefined;
  const rows = pane.rows.filter((row) => sent.rows?.has(rowHash(row)) !== true);
  return rows.length === 0 ? undefined : { ...whole, rows };
}

const sendsChanges = ({ sink, target }: DeliveryOptions) => sink.mode === 'update' && target.update === 'rows';

function windowOf({ states: _states, ...window }: Pane): DeliveredWindow {
  return window;
}

/** The range of all windows that a sort key can name in text: years from 0 on. */
const allWindows = { from: -62_167_219_200_000, to: 253_402_300_799_999, order: 'ascending' } as const;
