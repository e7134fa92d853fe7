import type { GroupValue } from './group-key.ts';

/** A value of a key, or undefined: a field that a total lacks. */
export type KeyField = GroupValue | undefined;

/** Characters of an order text. Longer ones are cut, so that a sort key of 1,024 bytes holds any of them. */
export const longestOrderText = 200;

/**
 * Text whose order by UTF-8 bytes is the order of keys in results: as `compareKeys` has it, with a missing field after
 * all values. Keys of the same number of fields whose texts are not cut have different texts, and of these none begins
 * another. Texts are cut at {@link longestOrderText} characters, so keys that are long and alike share one: their order
 * is that of the keys themselves. Part of the stored format: it must never change.
 *
 * A field is a digit for its type and then its value: a number as the 16 digits of its bits, in order; text as it is,
 * ended by a space. A character up to `!` is a `!` and another one, for no character may come before the end. UTF-16
 * has the surrogates before U+E000 to U+FFFF and UTF-8 has them behind, so these get U+10FFFF in front of them.
 */
export function orderText(fields: readonly KeyField[]): string {
  let text = '';
  let length = 0;
  for (const field of fields) {
    for (const character of fieldText(field)) {
      if (length === longestOrderText) return text;
      text += character;
      length++;
    }
  }
  return text;
}

function fieldText(field: KeyField): string {
  if (field === undefined) return '9';
  if (field === null) return '0';
  if (typeof field === 'boolean') return field ? '11' : '10';
  if (typeof field === 'number') return `2${numberText(field)}`;
  return `3${escaped(field)} `;
}

// V8 of Node 20 leaves the last character out of a class of all but some.
const escapedPattern = /[^"-\uD7FF\u{10000}-\u{10FFFE}]|\u{10FFFF}/gu;

function escaped(text: string): string {
  // What is cut off needs no escape.
  const enough = text.length > 2 * longestOrderText ? text.slice(0, 2 * longestOrderText) : text;
  return enough.replace(escapedPattern, (character) => {
    if (character <= '!') return `!${String.fromCharCode(character.charCodeAt(0) + 0x30)}`;
    return character === '\u{10FFFF}' ? '\u{10FFFF}!' : `\u{10FFFF}${character}`;
  });
}

const bits = new DataView(new ArrayBuffer(8));

/** The bits of a double, so turned that their order is that of the numbers. */
function numberText(value: number): string {
  // Minus zero is zero.
  bits.setFloat64(0, value === 0 ? 0 : value);
  const isNegative = bits.getInt32(0) < 0;
  const [high, low] = [bits.getUint32(0), bits.getUint32(4)];
  const turned = isNegative ? [~high >>> 0, ~low >>> 0] : [(high | 0x80000000) >>> 0, low];
  return turned.map((half) => half.toString(16).padStart(8, '0')).join('');
}
