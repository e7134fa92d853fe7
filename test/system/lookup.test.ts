import { describe, expect, it } from 'vitest';
import { eachKind, firstRows, lookedUp } from '../fixtures/system/looked-up-system.ts';

const { running, file, run, counts } = lookedUp();

/** The tests build on one another. */
describe('a table that events are joined with', () => {
  const first = file('first.json', firstRows);

  it('holds from the beginning when it is published before any event', async () => {
    expect(await run('lookup', 'list', 'kinds')).toEqual({
      table: 'kinds',
      versions: [],
      sealedThrough: null,
      keptFrom: null,
    });
    expect(await run('lookup', 'publish', 'kinds', first)).toMatchObject({
      outcome: 'published',
      version: { from: 0, rows: 2, parts: 1 },
    });
    expect(await run('lookup', 'publish', 'kinds', first)).toMatchObject({ outcome: 'standing', version: { from: 0 } });
    await running().put(eachKind);
    expect(await counts()).toEqual({ old: 1, other: 1, null: 1 });
  });

  it('tells what is wrong with rows before anything is published', async () => {
    expect(await run('lookup', 'publish', 'kinds', file('twice.json', [{ kind: 'a' }, { kind: 'a' }]))).toContain(
      'rows[1].kind',
    );
    expect(await run('lookup', 'publish', 'kinds', file('keyless.json', '{"kind":"a"}\n{"group":"x"}\n'))).toContain(
      'rows[1].kind',
    );
    expect(await run('lookup', 'publish', 'kinds', file('broken.json', '{"kind":"a"}\n{"kin\n'))).toContain(
      'broken.json:2',
    );
    expect(await run('lookup', 'publish', 'rooms', first)).toContain('use kinds');
    expect(await run('lookup', 'withdraw', 'kinds')).toContain('use publish, list');
  });
});
