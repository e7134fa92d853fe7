import { describe, expect, it } from 'vitest';
import type { InvokeAnswer } from '../../infra/local/lambda/function-client.ts';
import { batchOutcome } from '../../infra/local/mapping/batch-outcome.ts';
import { createDelivery } from '../../infra/local/mapping/delivery.ts';

interface Numbered {
  readonly sequenceNumber: string;
  readonly bytes: number;
}

const success = (payload: unknown = null): InvokeAnswer => ({ kind: 'success', payload: JSON.stringify(payload) });
const failure: InvokeAnswer = { kind: 'functionError', payload: '{"errorMessage":"no"}' };
const failedFrom = (...sequenceNumbers: readonly string[]): InvokeAnswer =>
  success({ batchItemFailures: sequenceNumbers.map((itemIdentifier) => ({ itemIdentifier })) });

/** Records 1 to 4 are delivered to a function that gives these answers in turn, and then succeeds. */
async function delivered(answers: readonly InvokeAnswer[], stopAfter = Number.POSITIVE_INFINITY) {
  const events: string[] = [];
  const done: string[] = [];
  const pausesMs: number[] = [];
  const left = [...answers];
  const delivery = createDelivery<Numbered>({
    settings: { batchSize: 4, batchBytes: 1_000, batchWindowMs: 0 },
    event: (batch) => batch.map(({ sequenceNumber }) => sequenceNumber).join(' '),
    async invoke(event) {
      events.push(event);
      return left.shift() ?? success();
    },
    outcome: (payload, batch) =>
      batchOutcome(
        payload,
        batch.map(({ sequenceNumber }) => sequenceNumber),
      ),
    onDone: (records) => void done.push(records.map(({ sequenceNumber }) => sequenceNumber).join(' ')),
    goesOn: () => events.length < stopAfter,
    pause: async (ms) => void pausesMs.push(ms),
  });
  for (const sequenceNumber of ['1', '2', '3', '4']) delivery.buffer.push({ sequenceNumber, bytes: 10 });
  await delivery.deliver(delivery.nextLength());
  return { events, done, pausesMs, left: delivery.buffer.length, status: delivery.status() };
}

describe('a delivery', () => {
  it('invokes once when the function succeeds', async () => {
    expect(await delivered([])).toMatchObject({ events: ['1 2 3 4'], done: ['1 2 3 4'], pausesMs: [], left: 0 });
  });

  it('gives the same batch again after an error, at growing intervals up to a second', async () => {
    const { events, done, pausesMs, status } = await delivered(Array.from({ length: 7 }, () => failure));
    expect(new Set(events)).toStrictEqual(new Set(['1 2 3 4']));
    expect(done).toStrictEqual(['1 2 3 4']);
    expect(pausesMs).toStrictEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
    expect(status).toStrictEqual({ state: 'reading', invocations: 8, lastError: '{"errorMessage":"no"}' });
  });

  it('goes on at once from the first record that failed', async () => {
    expect(await delivered([failedFrom('3', '4')])).toMatchObject({
      events: ['1 2 3 4', '3 4'],
      done: ['1 2', '3 4'],
      pausesMs: [],
    });
  });

  it('waits as after a first error again when some records were done', async () => {
    const { pausesMs } = await delivered([failure, failure, failedFrom('3'), failure]);
    expect(pausesMs).toStrictEqual([50, 100, 50]);
  });

  it('does nothing of a batch when its answer names no record of it', async () => {
    expect(await delivered([failedFrom('9')])).toMatchObject({ done: ['1 2 3 4'], pausesMs: [50] });
  });

  it('keeps what is not done when it does not go on', async () => {
    expect(await delivered([failedFrom('3'), failure, failure], 3)).toMatchObject({ done: ['1 2'], left: 2 });
  });

  it('makes a batch of as many records as the settings allow', () => {
    const delivery = createDelivery<Numbered>({
      settings: { batchSize: 2, batchBytes: 1_000, batchWindowMs: 0 },
      event: () => '',
      invoke: async () => success(),
      outcome: () => ({ kind: 'done' }),
      onDone: () => undefined,
      goesOn: () => true,
      pause: async () => undefined,
    });
    delivery.buffer.push({ sequenceNumber: '1', bytes: 10 });
    expect([delivery.nextLength(), delivery.isFull()]).toStrictEqual([1, false]);
    delivery.buffer.push({ sequenceNumber: '2', bytes: 10 }, { sequenceNumber: '3', bytes: 10 });
    expect([delivery.nextLength(), delivery.isFull()]).toStrictEqual([2, true]);
  });
});
