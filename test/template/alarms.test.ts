import { Duration } from 'aws-cdk-lib/core';
import { describe, expect, it } from 'vitest';
import { type AlarmProperties, isBreached, type Samples } from './metric-math.ts';
import { synth } from './synth.ts';

const hours = 3_600_000;
const minutes = 60_000;

/** The alarms of a template by name, as the runbook has them. */
function alarmsOf({ counts, template, stack }: ReturnType<typeof synth>): Readonly<Record<string, AlarmProperties>> {
  const resources = template.findResources('AWS::CloudWatch::Alarm');
  return Object.fromEntries(
    [...(counts.alarms?.byName ?? [])].map(([name, alarm]) => {
      const id = stack.getLogicalId(alarm.node.defaultChild as never);
      return [name, resources[id]?.Properties as AlarmProperties];
    }),
  );
}

const alarms = alarmsOf(synth(() => ({ pipeline: 'test/template/fixtures/two-queries.ts' })));

/** What rings each alarm, and what nearly does. The metric math is played, with what CloudWatch would have. */
const cases: Readonly<Record<string, { readonly rings: readonly Samples[]; readonly silent: readonly Samples[] }>> = {
  IteratorAge: {
    rings: [{ IncomingRecords: 5, 'GetRecords.IteratorAgeMilliseconds': 5 * minutes }, { IncomingRecords: 1 }],
    silent: [{ IncomingRecords: 5, 'GetRecords.IteratorAgeMilliseconds': 1_000 }, { IncomingRecords: 0 }, {}],
  },
  RefusedPuts: { rings: [{ WriteProvisionedThroughputExceeded: 1 }], silent: [{}] },
  AggregateErrors: { rings: [{ Errors: 1 }], silent: [{ Errors: 0 }, {}] },
  FinalizeErrors: { rings: [{ Errors: 1 }], silent: [{ Errors: 0 }, {}] },
  FinalizeMissed: { rings: [{}, { Invocations: 0 }], silent: [{ Invocations: 1 }] },
  FinalizeAge: { rings: [{ unsettledAge: 15 * minutes }], silent: [{ unsettledAge: 14 * minutes }, {}] },
  UngatheredAge: { rings: [{ ungatheredAge: 84 * hours }], silent: [{ ungatheredAge: 83 * hours }, {}] },
  'NearTimeout aggregate': { rings: [{ Duration: 48_000 }], silent: [{ Duration: 47_000 }, {}] },
  'NearTimeout finalize': { rings: [{ Duration: 48_000 }], silent: [{ Duration: 47_000 }, {}] },
  'NearTimeout query': { rings: [{ Duration: 23_200 }], silent: [{ Duration: 23_000 }, {}] },
  // The delay of 30 minutes, a minute of idle, and a slice of an hour.
  WatermarkLag: { rings: [{ watermarkLag: 91 * minutes }], silent: [{ watermarkLag: 90 * minutes }, {}] },
  FinalizeBehind: { rings: [{ closingsLeft: 1 }], silent: [{ closingsLeft: 0 }, {}] },
  UnreadableShard: { rings: [{ unreadableShards: 1 }], silent: [{ unreadableShards: 0 }, {}] },
  Conservation: { rings: [{ conservationMismatch: 1 }], silent: [{ conservationMismatch: 0 }, {}] },
  RejectedShare: {
    rings: [
      { rejected: 10, received: 1_000 },
      { rejected: 50, received: 50 },
    ],
    // One bad event of 50 wakes nobody.
    silent: [{ rejected: 1, received: 50 }, { rejected: 10, received: 1_001 }, { received: 100 }, {}],
  },
  'LateShare byHour': {
    rings: [{ pairsLate: 10, pairsCounted: 990 }, { pairsLate: 10 }],
    silent: [{ pairsLate: 1, pairsCounted: 49 }, { pairsLate: 10, pairsCounted: 1_000 }, { pairsCounted: 5 }, {}],
  },
  'LateShare byDay': {
    rings: [{ pairsLate: 10, pairsCounted: 990 }],
    silent: [{ pairsLate: 9, pairsCounted: 0 }, {}],
  },
  ApiErrors: { rings: [{ '5XXError': 5 }], silent: [{ '5XXError': 4 }, {}] },
  ApiLatency: {
    rings: [{ Count: 20, Latency: 5_000 }],
    silent: [{ Count: 19, Latency: 29_000 }, { Count: 1_000, Latency: 4_999 }, {}],
  },
  Throttles: {
    rings: [{ WriteThrottleEvents: 1 }, { ReadThrottleEvents: 1 }],
    silent: [{}, { ReadThrottleEvents: 0 }],
  },
  FunctionThrottles: { rings: [{ Throttles: 1 }], silent: [{}] },
};

describe('an alarm', () => {
  it('of each name is tried', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(alarms).sort());
  });

  it.each(Object.entries(cases))('%s rings when it should, and not before', (name, { rings, silent }) => {
    const alarm = alarms[name];
    if (alarm === undefined) throw new Error(`no alarm ${name}`);
    for (const samples of rings) expect(isBreached(alarm, samples), JSON.stringify(samples)).toBe(true);
    for (const samples of silent) expect(isBreached(alarm, samples), JSON.stringify(samples)).toBe(false);
  });

  it('of the watermark waits for a delay of a day', () => {
    const { WatermarkLag } = alarmsOf(synth(() => ({ pipeline: 'test/template/fixtures/day-of-delay.ts' })));
    expect(isBreached(WatermarkLag as AlarmProperties, { watermarkLag: 26 * hours })).toBe(false);
    expect(isBreached(WatermarkLag as AlarmProperties, { watermarkLag: 26 * hours + 15 * minutes })).toBe(true);
  });

  it('of finalize waits for two turns of a slow schedule', () => {
    const { template } = synth(() => ({ schedule: Duration.minutes(10) }));
    template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'Invocations', Period: 1_200 });
  });

  it('takes no more than ten metrics: with ten sinks the functions have two alarms', () => {
    const { counts, template } = synth(() => ({ pipeline: 'test/template/fixtures/ten-sinks.ts' }));
    const names = [...(counts.alarms?.byName.keys() ?? [])];
    expect(names).toEqual(expect.arrayContaining(['DeliverErrors', 'FunctionThrottles', 'FunctionThrottles 2']));
    for (const { Properties } of Object.values(template.findResources('AWS::CloudWatch::Alarm'))) {
      const counted = (Properties.Metrics ?? []).filter(({ MetricStat }: { MetricStat?: object }) => MetricStat);
      expect(counted.length).toBeLessThanOrEqual(10);
    }
  });
});
