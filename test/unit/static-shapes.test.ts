import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createJsonShapes, type JsonShapes } from '../../functions/core/events/json-shapes.ts';

function shapes(): JsonShapes {
  return createJsonShapes((bytes, from, to) => Buffer.from(bytes).toString('latin1', from, to));
}

function taught(...lines: readonly string[]): JsonShapes {
  const known = shapes();
  for (const line of lines) known.learn(Buffer.from(line), 0, Buffer.byteLength(line));
  return known;
}

/** The value that the shapes make of one whole line. Undefined when the line is left to JSON.parse. */
function readLine(known: JsonShapes, line: string): unknown {
  const bytes = Buffer.from(line);
  const value = known.read(bytes, 0, bytes.length);
  return value !== undefined && known.end() === bytes.length ? value : undefined;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const scalar = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 0.1, 1e21, 2 ** 53, 123456789012345, 1234567890123456, 0.000001, -12.5),
  fc.boolean(),
  fc.constant(null),
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 10 }),
);
const names = fc.uniqueArray(
  fc.oneof(fc.string({ minLength: 1, maxLength: 8 }), fc.constantFrom('__proto__', 'constructor', '0', 'time')),
  {
    minLength: 1,
    maxLength: 5,
  },
);

test('a line that is read by its shape has exactly the value that JSON.parse gives it', () => {
  let read = 0;
  fc.assert(
    fc.property(
      names,
      fc.array(fc.array(scalar, { minLength: 5, maxLength: 5 }), { minLength: 2, maxLength: 6 }),
      fc.constantFrom('', ' '),
      (fields, rows, space) => {
        const known = shapes();
        for (const row of rows) {
          const line = `{${fields.map((name, i) => `${JSON.stringify(name)}:${space}${JSON.stringify(row[i])}`).join(`,${space}`)}}`;
          const value = readLine(known, line);
          if (value === undefined) known.learn(Buffer.from(line), 0, Buffer.byteLength(line));
          else {
            read++;
            expect(value).toStrictEqual(JSON.parse(line));
            expect(Object.keys(Object(value))).toEqual(Object.keys(JSON.parse(line)));
          }
        }
      },
    ),
    { numRuns: 500 },
  );
  expect(read).toBeGreaterThan(100);
});

test('a line with any bytes changed, added or cut is read as JSON.parse reads it, or left to JSON.parse', () => {
  const line = '{"time":1469501107.25,"action":"Open","mag":-0.5,"ok":true,"none":null}';
  const piece = fc.constantFrom(
    '0',
    '-',
    '.',
    'e5',
    '"',
    '\\',
    ',',
    '}',
    '{',
    ' ',
    '1',
    'é',
    '\u0001',
    ':',
    'null',
    '"x":1,',
    '\t',
  );
  fc.assert(
    fc.property(fc.nat(line.length), fc.nat(3), piece, (at, cut, put) => {
      const changed = line.slice(0, at) + put + line.slice(at + cut);
      const value = readLine(taught(line), changed);
      if (value !== undefined) expect(value).toStrictEqual(parsed(changed));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['an exponent', '{"a":1e3}'],
  ['a leading zero', '{"a":01}'],
  ['a lone minus', '{"a":-}'],
  ['a point without digits', '{"a":1.}'],
  ['more digits than a double holds', '{"a":12345678901234567890}'],
  ['an escape', '{"a":"\\n"}'],
  ['text beyond ASCII', '{"a":"é"}'],
  ['a control character', '{"a":"\u0001"}'],
  ['a nested value', '{"a":[1]}'],
  ['an unclosed text', '{"a":"x}'],
])('%s is left to JSON.parse', (_, line) => {
  expect(readLine(taught('{"a":1}'), line)).toBeUndefined();
});

test.each([
  ['two equal names', '{"a":1,"a":2}'],
  ['__proto__', '{"__proto__":1}'],
  ['a nested value', '{"a":{"b":1}}'],
  ['no object', '[1]'],
  ['an empty object', '{}'],
  ['an escaped name', '{"\\u0061":1}'],
])('%s teaches no shape', (_, line) => {
  expect(readLine(taught(line), line)).toBeUndefined();
});

test('minus zero keeps its sign and numbers keep their last bit', () => {
  for (const text of ['-0', '0.1', '123456.789012345', '999999999999999', '-0.00000000000001']) {
    expect(readLine(taught('{"a":1}'), `{"a":${text}}`)).toStrictEqual({ a: Number(text) });
  }
});

test('nothing at or beyond the end that is given is read', () => {
  const bytes = Buffer.from('{"a":123}');
  for (let to = 0; to < bytes.length; to++) expect(taught('{"a":1}').read(bytes, 0, to)).toBeUndefined();
  expect(taught('{"a":1}').read(bytes, 0, bytes.length)).toEqual({ a: 123 });
});

test('lines of several shapes are all read once each was seen', () => {
  const lines = ['{"a":1}', '{"b":"x"}', '{"a":1,"b":2}', '{ "c" : null }'];
  const known = taught(...lines);
  for (const line of [...lines, ...lines.toReversed()]) expect(readLine(known, line)).toEqual(JSON.parse(line));
});

test('a shape is kept when the buffer that it was learned from is read into again', () => {
  const buffer = Buffer.from('{"kind":"a"}');
  const known = shapes();
  known.learn(buffer, 0, buffer.length);
  buffer.write('{"size":"a"}');
  expect(known.read(buffer, 0, buffer.length)).toBeUndefined();
  buffer.write('{"kind":"b"}');
  expect(known.read(buffer, 0, buffer.length)).toEqual({ kind: 'b' });
});
