import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { around, before, from, hourMs, lose, windows } from '../fixtures/system/backfill.ts';
import { command } from '../fixtures/system/command-line.ts';
import { ask, portOf } from '../fixtures/system/finalize-request.ts';
import { type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-backfill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let system: System | undefined;
afterEach(async () => system?.close());

/** Deploys a version of the pipeline over the state that the previous version left. */
async function deploy(version: string, data: string): Promise<System> {
  system = await startSystem({
    dataDir: join(folder, data),
    pipelineFile: systemFixture(version),
    pipelineName: 'versions',
  });
  return system;
}

describe('windows that were lost', () => {
  it('are made again out of the stream, and out of files, as they were', async () => {
    const running = await deploy('first-version', 'lost');
    await running.put([...before, ...around]);
    await ask(running, { request: 'drain' });
    const whole = await windows(running, 'perKind');
    expect(whole).toHaveLength(4);
    const file = join(folder, 'all.json');
    writeFileSync(file, [...before, ...around].map(({ data }) => `${data}\n`).join(''));
    for (const source of [[], [file]]) {
      expect(await lose(running, running.local.tableNames.windows)).toBe(4);
      expect(await windows(running, 'perKind')).toEqual([]);
      const words = [
        ...source,
        '--query',
        'perKind',
        '--until',
        String(from + 2 * hourMs),
        '--pipeline',
        systemFixture('first-version'),
      ];
      expect(await command(['backfill', ...words, '--port', portOf(running)])).toMatchObject({ code: 0 });
      expect(await windows(running, 'perKind')).toEqual(whole);
    }
    expect((await running.get('conservation')).body).toMatchObject({
      received: 9,
      counted: 8,
      rejected: 1,
      holds: true,
    });
  });
});
