import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../fixtures/system/finalize-request.ts';
import { order, type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');

describe('a query that is taken out while a window of it is open', () => {
  it('may not come back under its name once that window was passed by, and may before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-taken-out-'));
    const begin = (version: string) =>
      startSystem({ dataDir: folder, pipelineFile: systemFixture(version), pipelineName: 'versions', shards: 1 });
    let system: System | undefined;
    try {
      system = await begin('two-versions');
      await system.put([{ data: order(t0, 'a', 1) }]);
      await system.close();
      system = await begin('second-version');
      await ask(system, {});
      await system.close();
      system = await begin('two-versions');
      await ask(system, {});
      await system.close();
      system = await begin('second-version');
      await system.put([{ data: order(t0 + 2 * hourMs, 'a', 1) }]);
      await ask(system, {});
      await system.close();
      system = await begin('two-versions');
      await expect(ask(system, {})).rejects.toThrow(
        /"perKind" was taken out.*its window that ends at 2026-01-01T01:00:00.000Z was passed by/,
      );
      expect(await ask(system, { request: 'alias', query: 'perKind@2' })).toEqual({ serves: 'perKind@2' });
    } finally {
      await system?.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
