import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  compareKeys,
  type GroupKey,
  type GroupValue,
  keyReader,
  keyValues,
  longestKeyBytes,
} from '../../functions/core/events/group-key.ts';

type Event = Readonly<Record<string, unknown>>;

function readerOf(...names: string[]): (event: Event) => GroupKey {
  return keyReader<Event>(names.map((name) => [name, (event) => event[name] as GroupValue | undefined]));
}

const byAction = readerOf('action');
const byActionAndRoom = readerOf('action', 'room');

describe('a group key', () => {
  it('is the JSON array of its values, in the order of the fields', () => {
    expect(readerOf()({ action: 'Open' })).toBe('[]');
    expect(byAction({ action: 'Open' })).toBe('["Open"]');
    expect(byActionAndRoom({ room: 5, action: 'Open' })).toBe('["Open",5]');
  });

  it('tells apart what JSON tells apart', () => {
    const values = [1, '1', true, 'true', null, 'null', '', '[]', '"', 0.1, '0.1', false, 'é', 'e\u0301'];
    expect(new Set(values.map((value) => byAction({ action: value })))).toHaveProperty('size', values.length);
  });

  it('takes a missing field for null, and minus zero for zero', () => {
    expect(byAction({})).toBe('[null]');
    expect(byAction({ action: undefined })).toBe('[null]');
    expect(byActionAndRoom({ action: 'Open' })).toBe('["Open",null]');
    expect(byAction({ action: -0 })).toBe(byAction({ action: 0 }));
  });

  it.each([
    'plain',
    '日本',
    '😀',
    '\u0000\u001f\u2028',
    '__proto__',
    'constructor',
    '"quoted\\',
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    -1.5,
    2 ** 53 - 1,
    1e21,
    true,
    false,
    null,
  ])('gives back its value: %j', (value) => {
    for (const reader of [byAction, byAction, byActionAndRoom]) {
      const key = reader({ action: value });
      if (typeof key !== 'string') throw new Error(key.refused);
      expect(keyValues(key)[0]).toBe(value);
      expect(new TextDecoder().decode(new TextEncoder().encode(key)), 'a key survives UTF-8').toBe(key);
    }
  });

  it('reads a field of the name __proto__ that JSON made', () => {
    const event = JSON.parse('{"__proto__": "own"}') as Event;
    expect(readerOf('__proto__')(event)).toBe('["own"]');
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it.each([
    ['NaN', Number.NaN],
    ['an infinity', Number.POSITIVE_INFINITY],
    ['an object', { a: 1 }],
    ['an array', ['Open']],
    ['a Date', new Date(0)],
    ['a bigint', 5n],
    ['a function', () => 'Open'],
    ['a symbol', Symbol('Open')],
    ['a promise', Promise.resolve('Open')],
  ])('is refused, with the name of the field, for %s', (_title, value) => {
    for (const reader of [byAction, byActionAndRoom])
      expect(reader({ action: value })).toStrictEqual({ refused: expect.stringContaining('action') });
    expect(byActionAndRoom({ action: 'Open', room: value })).toStrictEqual({
      refused: expect.stringContaining('room'),
    });
  });

  it.each([
    ['characters of one byte', 'x', 1],
    ['characters of two bytes', 'é', 2],
    ['characters of three bytes', '日', 3],
    ['characters of four bytes', '😀', 4],
    ['quotes, which are escaped', '"', 2],
    ['control characters, which are escaped', '\u0001', 6],
  ])('may have %s up to its bound in bytes and not beyond', (_title, character, bytes) => {
    const most = Math.floor((longestKeyBytes - 4) / bytes);
    const longest = character.repeat(most);
    const key = byAction({ action: longest });
    expect(key).toBe(JSON.stringify([longest]));
    expect(new TextEncoder().encode(key as string).length).toBeLessThanOrEqual(longestKeyBytes);
    expect(byAction({ action: `${longest}${character}` })).toStrictEqual({
      refused: expect.stringContaining(String(longestKeyBytes)),
    });
    expect(byAction({ action: `${longest}${character}` }), 'the second time too').toStrictEqual({
      refused: expect.any(String),
    });
  });

  it.each(['\ud800', 'x\udc00y', '\udc00\ud800'])(
    'is refused when it holds half of a surrogate pair, which no table can: %j',
    (value) => {
      for (const reader of [byAction, byAction, byActionAndRoom])
        expect(reader({ action: value })).toStrictEqual({ refused: expect.stringContaining('action') });
    },
  );

  it('is bounded over all fields together', () => {
    const half = 'x'.repeat(longestKeyBytes / 2);
    expect(byActionAndRoom({ action: half })).toBeTypeOf('string');
    expect(byActionAndRoom({ action: half, room: half })).toStrictEqual({ refused: expect.any(String) });
  });

  it('stays right when more values come than are remembered', () => {
    const reader = readerOf('id');
    for (let i = 0; i < 25_000; i++)
      if (reader({ id: `device-${i}` }) !== `["device-${i}"]`) throw new Error(`wrong key of ${i}`);
    expect(reader({ id: 'device-0' })).toBe('["device-0"]');
  });

  it('that is refused for its length is not remembered, or garbage would fill the memory of a warm function', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const reader = readerOf('id');
    const megabyte = 2 ** 20;
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 64; i++) reader(JSON.parse(`{"id":"${i}${'x'.repeat(megabyte)}"}`) as Event);
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * megabyte);
    expect(reader({ id: 'short' }), 'keeps the reader itself alive').toBe('["short"]');
  });
});

describe('the order of keys', () => {
  it('is null, booleans, numbers by value, then text by code unit, field by field', () => {
    const sorted: GroupValue[][] = [
      [null, 'z'],
      [false, null],
      [true, null],
      [-5, 'a'],
      [2, 'a'],
      [10, null],
      [10, 'a'],
      [10, 'b'],
      ['', null],
      ['10', null],
      ['2', null],
      ['Z', null],
      ['a', 1],
      ['a', 2],
    ];
    expect([...sorted].reverse().sort(compareKeys)).toStrictEqual(sorted);
  });
});
