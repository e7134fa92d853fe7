import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { command } from '../fixtures/system/command-line.ts';
import { type System, startSystem } from '../fixtures/system/system.ts';

const hour = 3600;
const t0 = Date.parse('2026-01-01T00:00:00Z') / 1000;
const flight = (seconds: number) => ({ data: JSON.stringify({ scheduled: t0 + seconds, origin: 'SEA' }) });
let system: System;
let port: string;

/** A pipeline that is neither the default one of the commands nor a file under pipelines/. */
beforeAll(async () => {
  system = await startSystem({
    pipelineFile: join(findPackageRoot(), 'test', 'template', 'fixtures', 'two-queries.ts'),
    pipelineName: 'hour-and-day',
    shards: 1,
  });
  ({ port } = new URL(system.local.url));
  await system.put([flight(10), flight(3 * hour)]);
  await system.finalize({});
  // Two events that are late for the hourly query alone, and one that is in time for both.
  await system.put([flight(20), flight(hour + 1), flight(3 * hour + 1)]);
});
afterAll(() => system.close());

const pairs = {
  byHour: { counted: 3, late: 2, filtered: 0 },
  byDay: { counted: 5, late: 0, filtered: 0 },
};
const here = (...words: readonly string[]) => command([...words, '--port', port]);

describe('what an hourly query loses beside a daily one', () => {
  it('is in the counters of the API, of status and of the metrics, though no event is late as a whole', async () => {
    expect((await system.get('conservation')).body).toMatchObject({ counted: 5, late: 0, holds: true, queries: pairs });
    expect(JSON.parse((await here('status', '--json')).stdout)).toMatchObject({ conservation: { queries: pairs } });
    expect((await here('status')).stdout).toMatch(/byHour: counted 3 \+ late 2 \(40\.0 %\)/);
    const metrics = await (await fetch(`${system.local.url}/_tidemark/metrics`)).json();
    expect(metrics).toMatchObject({ aggregate: { counted: 5, pairsCounted: 8, pairsLate: 2 } });
    // A count of nothing is not published.
    for (const name of ['late', 'pairsFiltered']) expect(metrics).not.toHaveProperty(`aggregate.${name}`);
  });

  it('is listed without a --pipeline, for all queries or for one', async () => {
    const listed = async (...words: readonly string[]) =>
      (await here('late', 'list', '--json', ...words)).stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { readonly query: string }).query);
    expect(await listed()).toEqual(['byHour', 'byHour']);
    expect(await listed('--query', 'byHour')).toEqual(['byHour', 'byHour']);
    expect(await listed('--query', 'byDay')).toEqual([]);
  });
});

describe('a command that is told a port', () => {
  it.each([
    ['sinks status', ['sinks', 'status', '--json'], ''],
    ['late discard', ['late', 'discard', '--query', 'byHour', '--to', '1970-01-02T00:00:00Z'], ''],
    ['put', ['put', '--json'], flight(3 * hour + 2).data],
    ['rate', ['rate', '--events', '1', '--unpaced', '--json'], ''],
  ])('asks there which pipeline it is: %s', async (_name, words, stdin) => {
    const ended = await command([...words, '--port', port], stdin === '' ? '' : `${stdin}\n`);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
  });

  it.each([
    ['late list', ['late', 'list']],
    ['late replay', ['late', 'replay']],
    ['late discard', ['late', 'discard']],
    ['windows', ['windows']],
    ['totals', ['totals']],
    ['top', ['top']],
    ['series', ['series']],
  ])('refuses a query that is not there: %s', async (_name, words) => {
    const ended = await here(...words, '--query', 'byWeek');
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/^tidemark: --query.*byWeek.*byHour, byDay\n$/);
  });

  it.each([
    ['drain', ['drain']],
    ['sinks', ['sinks', 'status']],
    ['put', ['put']],
    ['delay', ['delay']],
    ['backfill', ['backfill', '--until', '2026-01-01T00:00:00Z']],
  ])('refuses a pipeline that is not there: %s', async (_name, words) => {
    const ended = await here(...words, '--pipeline', 'earthquakes');
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/^tidemark: --pipeline earthquakes.*hour-and-day.*\n$/);
  });

  it('says which file it needs where it counts with the pipeline itself', async () => {
    const ended = await here('delay');
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringMatching(/--pipeline.*hour-and-day.*path/) });
  });
});
