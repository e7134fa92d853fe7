import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import type { FunctionName } from '../../functions/core/deployment/settings.ts';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { type System, startSystem } from '../fixtures/system/system.ts';
import { aggregateEvents, type EventOutcome, finalizeEvents, type HostileEvent, queryEvents } from './events.ts';

let system: System;
let lambda: LambdaClient;

beforeAll(async () => {
  const pipelineFile = `${findPackageRoot()}/test/corpus/pipeline.ts`;
  system = await startSystem({ pipelineFile, pipelineName: 'bad-input', shards: 1 });
  lambda = new LambdaClient(clientConfig({ port: Number(new URL(system.local.url).port), endpoint: undefined }));
});
afterAll(async () => {
  lambda.destroy();
  await system.close();
});

/** The answer of Lambda's Invoke call to the deployed function. */
async function invoked(name: FunctionName, event: unknown) {
  const answer = await lambda.send(
    new InvokeCommand({ FunctionName: system.local.functionNames[name], Payload: JSON.stringify(event) }),
  );
  return {
    failed: answer.FunctionError !== undefined,
    payload: JSON.parse(answer.Payload?.transformToString() ?? 'null') as unknown,
  };
}

async function expectOutcome(name: FunctionName, event: unknown, outcome: EventOutcome): Promise<void> {
  const { failed, payload } = await invoked(name, event);
  if ('answer' in outcome) {
    expect({ failed, payload }).toMatchObject({ failed: false, payload: outcome.answer });
    return;
  }
  expect({ failed, payload }).toMatchObject({ failed: true, payload: { errorType: 'TidemarkError' } });
  const { errorMessage } = payload as { readonly errorMessage: string };
  expect(errorMessage).toMatch(/^[^\n]{20,300}$/);
  expect(errorMessage.slice(0, outcome.refused.length + 2)).toBe(`${outcome.refused}: `);
  expect(errorMessage).toContain(outcome.received);
}

type Counters = Readonly<Record<string, number>>;
const classes = ['received', 'counted', 'late', 'duplicate', 'rejected', 'filtered'];

async function counters(): Promise<Counters> {
  const { body } = await system.get('conservation');
  expect(body['holds']).toBe(true);
  return Object.fromEntries(classes.map((name) => [name, Number(body[name])]));
}

const titled = (events: readonly HostileEvent[]) =>
  events.map(({ name, event, outcome }) => [name, event, outcome] as const);

describe('aggregate', () => {
  it.each(titled(aggregateEvents('tidemark-bad-input')))(
    'has one answer to %s, and counts as it says, also when it is delivered again',
    async (_name, event, outcome) => {
      const before = await counters();
      await expectOutcome('aggregate', event, outcome);
      const grown = 'answer' in outcome ? (outcome.counters ?? {}) : {};
      const expected = Object.fromEntries(classes.map((name) => [name, (before[name] ?? 0) + (grown[name] ?? 0)]));
      expect(await counters()).toEqual(expected);
      await expectOutcome('aggregate', event, outcome);
      expect(await counters()).toEqual(expected);
    },
  );

  it('is of the stream that these events name', () => {
    expect(system.local.streamName).toBe('tidemark-bad-input');
  });
});

describe('query', () => {
  it.each(titled(queryEvents))('has one answer to %s', (_name, event, outcome) =>
    expectOutcome('query', event, outcome),
  );
});

describe('finalize', () => {
  it.each(titled(finalizeEvents))('has one answer to %s', (_name, event, outcome) =>
    expectOutcome('finalize', event, outcome),
  );
});
