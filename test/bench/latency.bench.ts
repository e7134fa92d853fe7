import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PutRecordCommand } from '@aws-sdk/client-kinesis';
import { packageRoot } from '../../cli/program/package-root.ts';
import { type Embedded, embedded } from '../../cli/stream/embedded.ts';
import { startLocal } from '../../infra/local/local.ts';
import { type Figure, median, quantile, yardstick } from './figure.ts';
import pipeline from './marker-pipeline.ts';
import seconds from './second-pipeline.ts';

const warmUpPuts = 20;
const puts = 200;
const shards = 4;
/** A marker that is not seen after so long (ms) is lost. */
const lostAfterMs = 30_000;

/** Measures latencies of the embedded system, without a batch window, as in `stream` and `demo`. */
export async function benchLatency(say: (line: string) => void): Promise<readonly Figure[]> {
  return [...(await benchVisible(say)), await benchFinal(say)];
}

const windows = 50;
const warmUpWindows = 5;
/** Real time between two windows' ends, in ms: more than the second that finalize leaves between two epochs. */
const windowEveryMs = 1_500;
/** The times of issue 17: the median until an event is seen, and the 99th percentile until a window is final, in ms. */
const mostVisibleMs = 34;
const mostFinalMs = 100;

/**
 * Measures the time until a window is final. It starts with the call that puts an event that moves the watermark past
 * the window's end. The schedule is the deployed one, with the kick. Beside it stands the mean wait for a run by the
 * minute alone.
 */
async function benchFinal(say: (line: string) => void): Promise<Figure> {
  say('starting the embedded AWS for finals');
  const pipelineFile = path.join(packageRoot, 'test', 'bench', 'second-pipeline.ts');
  const system = embedded(await startLocal({ pipelineFile, pipelineName: seconds.name, shards: 1, batchWindowMs: 0 }));
  try {
    const t0 = Math.floor(Date.now() / 1000) * 1000 - 600_000;
    const put = (time: number) =>
      system.kinesis.send(
        new PutRecordCommand({
          StreamName: system.local.streamName,
          PartitionKey: 'p',
          Data: Buffer.from(JSON.stringify({ time })),
        }),
      );
    say(`${warmUpWindows + windows} windows, one every ${windowEveryMs} ms`);
    await put(t0);
    const finalMs: number[] = [];
    for (let i = 0; i < warmUpWindows + windows; i++) {
      await delay(windowEveryMs);
      const startedMs = performance.now();
      const start = t0 + i * 1000;
      await put(start + 1000);
      while (
        !(await system.api.windows('perSecond', { status: 'final', from: String(start), to: String(start + 1000) }))
          .length
      )
        if (performance.now() - startedMs > lostAfterMs)
          throw new Error(`window ${start} is not final after ${lostAfterMs} ms`);
      if (i >= warmUpWindows) finalMs.push(performance.now() - startedMs);
    }
    const value = quantile(finalMs, 0.99);
    return {
      name: 'put that passes a window to final, p99',
      value,
      better: 'lower',
      unit: 'ms',
      yardsticks: [yardstick({ value, better: 'lower' }, 'mean wait for the schedule', 30_000, 'documented')],
      target: { text: `within ${mostFinalMs} ms, warm`, met: value <= mostFinalMs },
      details: { windows, p50Ms: median(finalMs), leastMs: Math.min(...finalMs), mostMs: Math.max(...finalMs) },
    };
  } finally {
    await system.close();
  }
}

/**
 * Measures the time from the call that puts an event until a query of the open windows shows it, on the embedded
 * system. Events come one after the other, and the API is asked again and again. Beside it stands one call of the API
 * alone, the least time that can be seen.
 */
async function benchVisible(say: (line: string) => void): Promise<readonly Figure[]> {
  say(`starting the embedded AWS with ${shards} shards`);
  const system = embedded(
    await startLocal({
      pipelineFile: path.join(packageRoot, 'test', 'bench', 'marker-pipeline.ts'),
      pipelineName: pipeline.name,
      shards,
      batchWindowMs: 0,
      finalizeEveryMs: null,
    }),
  );
  try {
    const visibleMs: number[] = [];
    const callMs: number[] = [];
    let calls = 0;
    say(`${puts} puts, one after the other`);
    for (let i = 0; i < warmUpPuts + puts; i++) {
      const seen = await putAndSee(system, `marker-${i}`);
      const startedMs = performance.now();
      await isVisible(system, `marker-${i}`);
      if (i < warmUpPuts) continue;
      callMs.push(performance.now() - startedMs);
      visibleMs.push(seen.ms);
      calls += seen.calls;
    }
    const figure = (name: string, value: number, call: number, mostMs?: number): Figure => ({
      name,
      value,
      better: 'lower',
      unit: 'ms',
      ...(mostMs === undefined ? {} : { target: { text: `at most ${mostMs} ms`, met: value <= mostMs } }),
      yardsticks: [yardstick({ value, better: 'lower' }, 'the API call alone', call)],
      details: { puts, callsUntilSeen: calls / puts, leastMs: Math.min(...visibleMs), mostMs: Math.max(...visibleMs) },
    });
    return [
      figure('put to visible, p50', median(visibleMs), median(callMs), mostVisibleMs),
      figure('put to visible, p99', quantile(visibleMs, 0.99), quantile(callMs, 0.99)),
    ];
  } finally {
    await system.close();
  }
}

async function putAndSee(system: Embedded, marker: string): Promise<{ readonly ms: number; readonly calls: number }> {
  const Data = Buffer.from(JSON.stringify({ time: Date.now(), marker }));
  const startedMs = performance.now();
  await system.kinesis.send(new PutRecordCommand({ StreamName: system.local.streamName, PartitionKey: marker, Data }));
  for (let calls = 1; ; calls++) {
    if (await isVisible(system, marker)) return { ms: performance.now() - startedMs, calls };
    if (performance.now() - startedMs > lostAfterMs)
      throw new Error(`${marker} is not visible after ${lostAfterMs} ms`);
  }
}

async function isVisible({ api }: Embedded, marker: string): Promise<boolean> {
  const windows = await api.windows('markers', { status: 'open', key: JSON.stringify({ marker }) });
  return windows.some(({ rows }) => rows.length > 0);
}
