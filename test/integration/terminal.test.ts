import { join } from 'node:path';
import stringWidth from 'string-width';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { command } from '../fixtures/system/command-line.ts';
import { type System, startSystem } from '../fixtures/system/system.ts';

const widest = (lines: readonly string[]) => Math.max(...lines.map((line) => stringWidth(line)));

describe('the commands of a deployment', () => {
  let system: System;
  let port: string;
  beforeAll(async () => {
    system = await startSystem({
      pipelineFile: join(findPackageRoot(), 'test', 'template', 'fixtures', 'two-queries.ts'),
      pipelineName: 'hour-and-day',
      shards: 1,
    });
    ({ port } = new URL(system.local.url));
    const at = Date.parse('2026-01-01T00:00:00Z') / 1000;
    const flight = (seconds: number) => ({ data: JSON.stringify({ scheduled: at + seconds, origin: 'SEA' }) });
    await system.put([flight(10), flight(3 * 3600), flight(90_000)]);
    await system.finalize({});
    await system.put([flight(20)]);
  });
  afterAll(() => system.close());

  it.each([
    [['windows']],
    [['windows', '--history', '2026-01-01T00:00:00Z']],
    [['totals', '--by', 'origin']],
    [['top']],
    [['series', '--query', 'byHour', '--key', '{"origin":"SEA"}']],
    [['status']],
    [['late', 'list']],
    [['sinks', 'status']],
    [['sql', 'select *, window_start as again, window_end as once_more from byHour']],
  ])('fit 80 columns: %j', async (words) => {
    const { code, stdout, stderr } = await command([...words, '--port', port], '', 80);
    expect(code, stderr).toBe(0);
    expect(stdout).not.toBe('');
    expect(widest(stdout.split('\n')), stdout).toBeLessThanOrEqual(80);
  });

  it('show the status of windows that are not final, and times without a zone but that of the heading', async () => {
    const { stdout } = await command(['windows', '--port', port, '--query', 'byHour'], '', 80);
    expect(stdout).toMatch(/│ window \(UTC\) +│ origin │ count │ status │/);
    expect(stdout).toMatch(/│ 2026-01-01 00:00–01:00 │ SEA +│ +\d │ final +│/);
  });
});
