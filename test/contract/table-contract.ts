import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import type { Meter } from '../../functions/state/table/dynamodb-table.ts';
import type { Attribute, Clause, Key, Range, Table } from '../../functions/state/table/table.ts';

/** An implementation of the port as the contract sees it. */
export interface TableUnderTest {
  readonly table: Table;
  /** A table that nobody created. Undefined where an implementation has no such thing. */
  readonly missing: Table | undefined;
  /** The cost of the calls to `table` so far. Undefined where they cost nothing. */
  readonly meter: Meter | undefined;
  close(): Promise<void>;
}

/**
 * Tests of the behaviour that every implementation of the table port has. The protocol relies on each of them (DESIGN
 * section 4).
 * @param kind a table in memory always exists and costs nothing, so two of the tests are for services alone
 */
export function tableContract(
  name: string,
  kind: 'in memory' | 'service',
  makeTable: () => Promise<TableUnderTest>,
): void {
  describe(`table port: ${name}`, () => {
    let under: TableUnderTest;
    let table: Table;
    let partitions = 0;
    /** A key in a partition that no other test uses. */
    const fresh = (sk = 'item'): Key => ({ pk: `partition ${++partitions}`, sk });
    const attributesOf = async (key: Key) => (await table.get(key))?.attributes;

    beforeAll(async () => {
      under = await makeTable();
      table = under.table;
    });
    afterAll(() => under.close());

    describe('get and put', () => {
      it('finds nothing where nothing was put', async () => {
        expect(await table.get(fresh())).toBeUndefined();
        expect(await table.query(fresh().pk)).toStrictEqual([]);
      });

      it('replaces the whole item', async () => {
        const key = fresh();
        expect(await table.put({ ...key, attributes: { a: 1, b: 'x' } })).toBe('applied');
        expect(await table.put({ ...key, attributes: { c: true } })).toBe('applied');
        expect(await table.get(key)).toStrictEqual({ ...key, attributes: { c: true } });
      });

      it.each<[string, Attribute]>([
        ['a negative number', -1e15],
        ['a fraction', 1.5],
        ['a number beyond 2^53', 1e20],
        ['2^53', 2 ** 53],
        ['zero', 0],
        ['a sum of fractions', 0.1 + 0.2],
        ['an empty text', ''],
        ['text of all planes', 'ümläut 測試 😀 \u{10ffff} \u0000'],
        ['true', true],
        ['false', false],
        ['null', null],
        ['an empty list', []],
        ['an empty map', {}],
        ['a nested map', { list: [1, 'two', { three: [null, false, ''] }], map: { 'a.b#c': { ':d': 1 } } }],
      ])('gives back %s as it was put', async (_what, value) => {
        const key = fresh();
        await table.put({ ...key, attributes: { value, size: 1 } });
        expect(await attributesOf(key)).toStrictEqual({ value, size: 1 });
        expect((await table.query(key.pk))[0]?.attributes).toStrictEqual({ value, size: 1 });
      });

      it('gives back bytes as they were put', async () => {
        const key = fresh();
        const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
        await table.put({ ...key, attributes: { bytes } });
        const stored = (await attributesOf(key))?.['bytes'];
        expect(stored).toBeInstanceOf(Uint8Array);
        expect(Buffer.compare(stored as Uint8Array, bytes)).toBe(0);
      });

      it('returns only the attributes that are asked for, where they are there', async () => {
        const { pk } = fresh();
        await table.put({ pk, sk: 'a', attributes: { status: 'x', rows: [1, 2], size: 1 } });
        await table.put({ pk, sk: 'b', attributes: { rows: [3] } });
        expect(await table.query(pk, { only: ['size', 'status'], limit: 5 })).toStrictEqual([
          { pk, sk: 'a', attributes: { status: 'x', size: 1 } },
          { pk, sk: 'b', attributes: {} },
        ]);
      });

      it('tells keys apart by every character', async () => {
        const { pk } = fresh();
        const sortKeys = ['a', 'A', 'a ', 'ä', 'a\u0308', '😀', '測', '#', 'a#b', '1', '01'];
        for (const sk of sortKeys) await table.put({ pk, sk, attributes: { at: sk } });
        for (const sk of sortKeys) expect(await attributesOf({ pk, sk })).toStrictEqual({ at: sk });
        expect(await table.query(`${pk} `)).toStrictEqual([]);
      });
    });

    describe('conditions', () => {
      const item = { text: 'x', number: 5, list: ['e'], nothing: null };
      const cases: readonly (readonly [
        string,
        readonly Clause[],
        onItem: 'applied' | 'refused',
        onMissing: 'applied' | 'refused',
      ])[] = [
        ['no clause', [], 'applied', 'applied'],
        ['a present attribute is absent', [{ attribute: 'text', is: 'absent' }], 'refused', 'applied'],
        ['another attribute is absent', [{ attribute: 'other', is: 'absent' }], 'applied', 'applied'],
        ['null is absent', [{ attribute: 'nothing', is: 'absent' }], 'refused', 'applied'],
        ['an attribute is present', [{ attribute: 'list', is: 'present' }], 'applied', 'refused'],
        ['another attribute is present', [{ attribute: 'other', is: 'present' }], 'refused', 'refused'],
        ['a text is equal', [{ attribute: 'text', is: 'equal', to: 'x' }], 'applied', 'refused'],
        ['a text is equal to another', [{ attribute: 'text', is: 'equal', to: 'X' }], 'refused', 'refused'],
        ['a number is equal', [{ attribute: 'number', is: 'equal', to: 5 }], 'applied', 'refused'],
        ['a number is equal to its text', [{ attribute: 'number', is: 'equal', to: '5' }], 'refused', 'refused'],
        ['a number is below more', [{ attribute: 'number', is: 'absentOrBelow', bound: 5.5 }], 'applied', 'applied'],
        ['a number is below itself', [{ attribute: 'number', is: 'absentOrBelow', bound: 5 }], 'refused', 'applied'],
        ['a number is below less', [{ attribute: 'number', is: 'absentOrBelow', bound: -1e15 }], 'refused', 'applied'],
        ['a text is below a number', [{ attribute: 'text', is: 'absentOrBelow', bound: 5 }], 'refused', 'applied'],
        ['an absent number is below', [{ attribute: 'other', is: 'absentOrBelow', bound: 0 }], 'applied', 'applied'],
        ['a text is other', [{ attribute: 'text', is: 'absentOrOther', than: 'y' }], 'applied', 'applied'],
        ['a text is other than itself', [{ attribute: 'text', is: 'absentOrOther', than: 'x' }], 'refused', 'applied'],
        ['an absent text is other', [{ attribute: 'other', is: 'absentOrOther', than: 'x' }], 'applied', 'applied'],
        [
          'all of several hold',
          [
            { attribute: 'text', is: 'equal', to: 'x' },
            { attribute: 'other', is: 'absent' },
          ],
          'applied',
          'refused',
        ],
        [
          'one of several does not hold',
          [
            { attribute: 'text', is: 'equal', to: 'x' },
            { attribute: 'number', is: 'absent' },
          ],
          'refused',
          'refused',
        ],
        [
          'two clauses name one attribute',
          [
            { attribute: 'text', is: 'present' },
            { attribute: 'text', is: 'absentOrOther', than: 'y' },
          ],
          'applied',
          'refused',
        ],
      ];

      it.each(cases)('%s: every kind of write agrees', async (_what, when, onItem, onMissing) => {
        for (const [present, expected] of [
          [item, onItem],
          [undefined, onMissing],
        ] as const) {
          const keys = { put: fresh(), update: fresh(), delete: fresh() };
          if (present !== undefined)
            for (const key of Object.values(keys)) await table.put({ ...key, attributes: present });

          expect(await table.put({ ...keys.put, attributes: { fresh: 1 } }, when)).toBe(expected);
          expect(await attributesOf(keys.put)).toStrictEqual(expected === 'applied' ? { fresh: 1 } : present);

          const updated = await table.update(keys.update, { set: { fresh: 1 } }, when);
          expect(updated.outcome).toBe(expected);
          expect(await attributesOf(keys.update)).toStrictEqual(
            expected === 'applied' ? { ...present, fresh: 1 } : present,
          );

          expect(await table.delete(keys.delete, when)).toBe(expected);
          expect(await attributesOf(keys.delete)).toStrictEqual(expected === 'applied' ? undefined : present);
        }
      });

      it('see the item as it is before the write', async () => {
        const key = fresh();
        const rise = (to: number) =>
          table.update(key, { set: { n: to } }, [{ attribute: 'n', is: 'absentOrBelow', bound: to }]);
        expect(
          [await rise(3), await rise(3), await rise(2), await rise(4)].map(({ outcome }) => outcome),
        ).toStrictEqual(['applied', 'refused', 'refused', 'applied']);
        expect(await attributesOf(key)).toStrictEqual({ n: 4 });
      });
    });

    describe('update', () => {
      it('creates a missing item', async () => {
        const key = fresh();
        expect(await table.update(key, { set: { a: 1, s: ['x'] } })).toStrictEqual({
          outcome: 'applied',
          item: { ...key, attributes: { a: 1, s: ['x'] } },
        });
      });

      it('keeps the attributes that it does not name, and returns all', async () => {
        const key = fresh();
        await table.put({ ...key, attributes: { a: 1, bytes: Uint8Array.of(1), s: ['x'] } });
        const answer = await table.update(key, { set: { a: { deep: ['x'] }, b: null } });
        expect(answer.outcome === 'applied' && { ...answer.item.attributes, bytes: undefined }).toStrictEqual({
          a: { deep: ['x'] },
          b: null,
          bytes: undefined,
          s: ['x'],
        });
      });
    });

    describe('query', () => {
      it('orders sort keys by their UTF-8 bytes', async () => {
        const { pk } = fresh();
        // Code points from U+10000 on are surrogates in JavaScript, whose units lie below U+E000. Their UTF-8 bytes
        // sort last.
        const sortKeys = ['b', 'a', 'aa', 'Z', '10', '9', '-5', 'é', '\u{e000}', '\u{ffff}', '😀', '\u{10000}'];
        for (const sk of sortKeys) await table.put({ pk, sk, attributes: {} });
        const expected = [...sortKeys].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
        expect((await table.query(pk)).map(({ sk }) => sk)).toStrictEqual(expected);
        expect((await table.query(pk, { order: 'descending' })).map(({ sk }) => sk)).toStrictEqual(
          [...expected].reverse(),
        );
      });

      it('takes both bounds in, and as many items as asked for', async () => {
        const { pk } = fresh();
        await table.putAll(['a', 'b', 'c', 'd', 'e'].map((sk) => ({ pk, sk, attributes: {} })));
        await table.put({ pk: `${pk}!`, sk: 'c', attributes: {} });
        const found = async (range: Range) => (await table.query(pk, range)).map(({ sk }) => sk).join('');
        expect(await found({})).toBe('abcde');
        expect(await found({ from: 'b' })).toBe('bcde');
        expect(await found({ to: 'b' })).toBe('ab');
        expect(await found({ from: 'b', to: 'd' })).toBe('bcd');
        expect(await found({ from: 'aa', to: 'cc' })).toBe('bc');
        expect(await found({ from: 'b', to: 'd', order: 'descending' })).toBe('dcb');
        expect(await found({ limit: 2 })).toBe('ab');
        expect(await found({ from: 'b', order: 'descending', limit: 3 })).toBe('edc');
        expect(await found({ limit: 9 })).toBe('abcde');
        expect(await found({ from: 'f' })).toBe('');
      });

      it('reads on beyond the megabyte that one call of DynamoDB returns', async () => {
        const { pk } = fresh();
        const text = 'x'.repeat(100_000);
        const sortKeys = Array.from({ length: 25 }, (_, i) => String(i).padStart(2, '0'));
        await table.putAll(sortKeys.map((sk) => ({ pk, sk, attributes: { text: `${sk}${text}` } })));
        const items = await table.query(pk);
        expect(items.map(({ sk }) => sk)).toStrictEqual(sortKeys);
        expect(items.every(({ sk, attributes }) => attributes['text'] === `${sk}${text}`)).toBe(true);
        expect((await table.query(pk, { limit: 20, order: 'descending' })).map(({ sk }) => sk)).toStrictEqual(
          sortKeys.slice(5).reverse(),
        );
      });
    });

    it('puts many items, replacing what is there', async () => {
      const { pk } = fresh();
      const items = Array.from({ length: 60 }, (_, i) => ({
        pk,
        sk: String(i).padStart(2, '0'),
        attributes: { i, list: [`${i}`] },
      }));
      await table.put({ pk, sk: '07', attributes: { old: true } });
      await table.putAll(items);
      expect(await table.query(pk)).toStrictEqual(items);
      await table.putAll([]);
    });

    describe('under a race', () => {
      it('applies exactly one of 100 conditional puts', async () => {
        const key = fresh();
        const outcomes = await Promise.all(
          Array.from({ length: 100 }, (_, i) =>
            table.put({ ...key, attributes: { winner: i } }, [{ attribute: 'winner', is: 'absent' }]),
          ),
        );
        const winners = outcomes.flatMap((outcome, i) => (outcome === 'applied' ? [i] : []));
        expect(winners).toHaveLength(1);
        expect(await attributesOf(key)).toStrictEqual({ winner: winners[0] });
      });

      it('applies each step of 20 racing compare-and-set counters once', async () => {
        const key = fresh();
        const increment = async () => {
          for (;;) {
            const n = (await attributesOf(key))?.['n'];
            const unchanged: Clause =
              typeof n === 'number' ? { attribute: 'n', is: 'equal', to: n } : { attribute: 'n', is: 'absent' };
            if (
              (await table.put({ ...key, attributes: { n: (typeof n === 'number' ? n : 0) + 1 } }, [unchanged])) ===
              'applied'
            )
              return;
          }
        };
        await Promise.all(Array.from({ length: 20 }, increment));
        expect(await attributesOf(key)).toStrictEqual({ n: 20 });
      });
    });

    if (kind === 'in memory') return;

    it('names a table that does not exist, whatever the call', async () => {
      const { missing } = under;
      if (missing === undefined) throw new Error('a service has names');
      const key = fresh();
      const item = { ...key, attributes: {} };
      const calls = [
        () => missing.get(key),
        () => missing.query(key.pk),
        () => missing.put(item),
        () => missing.put(item, [{ attribute: 'a', is: 'absent' }]),
        () => missing.putAll([item]),
        () => missing.update(key, { set: { a: 1 } }),
        () => missing.delete(key),
      ];
      for (const call of calls) await expect(call()).rejects.toBeInstanceOf(TidemarkError);
    });

    it('meters write units by the kilobyte, and refused writes', async () => {
      const { meter } = under;
      if (meter === undefined) throw new Error('calls to a service cost something');
      const spent = async (call: () => Promise<unknown>) => {
        const before = { ...meter };
        await call();
        return { write: meter.writeUnits - before.writeUnits, refused: meter.refusedWrites - before.refusedWrites };
      };
      const key = fresh();
      expect(await spent(() => table.put({ ...key, attributes: { a: 1 } }))).toStrictEqual({ write: 1, refused: 0 });
      expect(await spent(() => table.put({ ...key, attributes: { text: 'x'.repeat(2500) } }))).toStrictEqual({
        write: 3,
        refused: 0,
      });
      expect(
        (await spent(() => table.put({ ...key, attributes: {} }, [{ attribute: 'text', is: 'absent' }]))).refused,
      ).toBe(1);
      expect(
        (await spent(() => table.update(key, { set: { a: 1 } }, [{ attribute: 'a', is: 'present' }]))).refused,
      ).toBe(1);
      expect((await spent(() => table.delete(key, [{ attribute: 'a', is: 'present' }]))).refused).toBe(1);
      const many = fresh();
      const items = Array.from({ length: 30 }, (_, i) => ({ pk: many.pk, sk: `${i}`, attributes: {} }));
      expect(await spent(() => table.putAll(items))).toStrictEqual({ write: 30, refused: 0 });
      const reads = meter.readUnits;
      await table.get(key);
      expect(meter.readUnits - reads).toBe(1);
    });
  });
}
