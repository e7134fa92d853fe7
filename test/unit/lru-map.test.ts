import { describe, expect, it } from 'vitest';
import { lruMap } from '../../functions/core/arguments/lru-map.ts';

/** A map of three numbers by name, and the numbers that it has dropped. */
function three() {
  const forgotten: number[] = [];
  const map = lruMap<string, number>((value) => forgotten.push(value));
  for (const [i, name] of ['a', 'b', 'c'].entries()) map.set(name, i);
  return { map, forgotten };
}

describe('a map in the order of use', () => {
  it('forgets the entries used longest ago until the rest fits', () => {
    const { map, forgotten } = three();
    map.trim(() => map.size <= 1);
    expect({ kept: [...map.values()], forgotten }).toEqual({ kept: [2], forgotten: [0, 1] });
  });

  it('takes a get and a set for a use, a peek for none', () => {
    const { map } = three();
    expect([map.get('a'), map.peek('b'), map.get('d')]).toEqual([0, 1, undefined]);
    map.set('b', 9);
    map.peek('c');
    expect([...map.values()]).toEqual([2, 0, 9]);
  });

  it('forgets nothing while all fits, and everything when nothing does', () => {
    const { map, forgotten } = three();
    map.trim(() => true);
    expect(forgotten).toEqual([]);
    map.trim(() => false);
    expect({ size: map.size, forgotten }).toEqual({ size: 0, forgotten: [0, 1, 2] });
  });

  it('tells of what is deleted or cleared, once', () => {
    const { map, forgotten } = three();
    map.delete('b');
    map.delete('b');
    map.clear();
    expect({ size: map.size, forgotten }).toEqual({ size: 0, forgotten: [1, 0, 2] });
  });
});
