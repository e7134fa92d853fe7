import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { eventTimeBounds } from '../../functions/core/events/event-time.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';

/** The window in which an event is emitted, by the route the protocol takes: time -> slice -> closing -> window. */
function windowsAt(kind: WindowKind, time: number): (readonly [number, number])[] {
  return kind
    .closings(kind.sliceOf(time))
    .flatMap((closing) => kind.emit(closing))
    .map(({ start, end }) => [start, end] as const);
}

/**
 * The assertions of the peers' own test suites: Spark's TimeWindowing and DataFrameTimeWindowing suites, Flink's
 * TumblingEventTimeWindowsTest and TimeWindowTest, Beam's FixedWindowsTest.
 */
const vectors: readonly (readonly [
  id: string,
  size: number,
  offset: number,
  members: readonly (readonly [time: number, start: number, end: number])[],
])[] = [
  [
    'beam-fixed',
    10,
    0,
    [
      [1, 0, 10],
      [2, 0, 10],
      [5, 0, 10],
      [9, 0, 10],
      [10, 10, 20],
      [11, 10, 20],
      [100, 100, 110],
    ],
  ],
  [
    'beam-fixed-seconds',
    10_000,
    5000,
    [
      [1, -5000, 5000],
      [2, -5000, 5000],
      [1000, -5000, 5000],
      [5000, 5000, 15_000],
      [5001, 5000, 15_000],
      [10_000, 5000, 15_000],
    ],
  ],
  [
    'flink-tumbling-basic',
    5000,
    0,
    [
      [0, 0, 5000],
      [4999, 0, 5000],
      [5000, 5000, 10_000],
    ],
  ],
  [
    'flink-tumbling-negative-offset',
    5000,
    -100,
    [
      [0, -100, 4900],
      [4899, -100, 4900],
      [4900, 4900, 9900],
    ],
  ],
  [
    'flink-window-start-offset-0',
    7,
    0,
    [
      [1, 0, 7],
      [6, 0, 7],
      [7, 7, 14],
      [8, 7, 14],
    ],
  ],
  [
    'flink-window-start-offset-minus2',
    7,
    -2,
    [
      [1, -2, 5],
      [-2, -2, 5],
      [3, -2, 5],
      [4, -2, 5],
      [7, 5, 12],
      [12, 12, 19],
    ],
  ],
  ['spark-assign-tumbling-at-start', 10_000, 0, [[1_459_107_570_000, 1_459_107_570_000, 1_459_107_580_000]]],
  [
    'spark-assign-tumbling-sql-plus5',
    10_000,
    5000,
    [
      [1_459_107_574_000, 1_459_107_565_000, 1_459_107_575_000],
      [1_459_107_567_000, 1_459_107_565_000, 1_459_107_575_000],
      [1_459_107_596_000, 1_459_107_595_000, 1_459_107_605_000],
    ],
  ],
  [
    'spark-assign-before-epoch',
    10_000,
    5000,
    [
      [2000, -5000, 5000],
      [12_000, 5000, 15_000],
    ],
  ],
];

describe('a tumbling window', () => {
  it.each(vectors)('holds the events that the peers put into it: %s', (_id, size, offset, members) => {
    const kind = tumbling({ ms: size }, { offset: { ms: offset } });
    for (const [time, start, end] of members) expect(windowsAt(kind, time), `at ${time}`).toStrictEqual([[start, end]]);
  });

  it('floors times before 1970', () => {
    const kind = tumbling('1 hour');
    expect(windowsAt(kind, -1)).toStrictEqual([[-3_600_000, 0]]);
    expect(windowsAt(kind, -3_600_000)).toStrictEqual([[-3_600_000, 0]]);
    expect(windowsAt(kind, -3_600_001)).toStrictEqual([[-7_200_000, -3_600_000]]);
  });

  it('starts at plus zero when it starts at the epoch', () => {
    expect(tumbling('1 hour').sliceOf(0)).toBe(0);
    expect(tumbling('1 hour', { offset: '-0 s' }).sliceOf(5)).toBe(0);
    expect(tumbling('1 hour').emit(3_600_000)).toStrictEqual([{ start: 0, end: 3_600_000, slices: [0] }]);
  });

  it('emits nothing at a moment that is no edge', () => {
    const kind = tumbling('1 hour', { offset: '15 minutes' });
    for (const moment of [0, 1, 3_600_000, 899_999, 900_001, -1, -3_600_000])
      expect(kind.emit(moment)).toStrictEqual([]);
    expect(kind.emit(900_000)).toHaveLength(1);
    expect(kind.emit(-2_700_000)).toHaveLength(1);
  });

  it.each([eventTimeBounds.earliest, eventTimeBounds.latest])('is exact at the bounds of event time, at %d', (time) => {
    for (const size of [1, 7, 999, 3_600_000, 3_155_760_000_000]) {
      const kind = tumbling({ ms: size });
      const slice = kind.sliceOf(time);
      expect(Number.isSafeInteger(slice)).toBe(true);
      expect(slice <= time && time < slice + size).toBe(true);
      expect(windowsAt(kind, time)).toStrictEqual([[slice, slice + size]]);
    }
  });

  it.each([
    ['a size of zero', () => tumbling(0), 'size', '0'],
    ['a negative size', () => tumbling('-1 hour'), 'size', '-1 hour'],
    ['a size of a month', () => tumbling('1 month' as never), 'size', '1 month'],
    ['a size of 101 years', () => tumbling('36891 days'), 'size', '36891 days'],
    ['an offset of the size', () => tumbling('1 hour', { offset: '1 hour' }), 'offset', '1 hour'],
    ['an offset of minus the size', () => tumbling('1 hour', { offset: '-60 minutes' }), 'offset', '-60 minutes'],
    ['an offset of nonsense', () => tumbling('1 hour', { offset: 'soon' as never }), 'offset', 'soon'],
    ['an offset where the options belong', () => tumbling('1 hour', '15 minutes' as never), 'options', '15 minutes'],
    ['null where the options belong', () => tumbling('1 hour', null as never), 'options', 'null'],
  ])('refuses %s, and says where and what it was', (_title, define, field, value) => {
    expect(define).toThrow(TidemarkError);
    expect(define).toThrow(field);
    expect(define).toThrow(value);
  });
});
