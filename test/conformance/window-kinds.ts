import { type CalendarUnit, calendar, type Weekday } from '../../functions/core/windows/calendar.ts';
import { cumulate } from '../../functions/core/windows/cumulate.ts';
import { global } from '../../functions/core/windows/global.ts';
import { session } from '../../functions/core/windows/session.ts';
import { checkedTimeZone } from '../../functions/core/windows/side-by-side.ts';
import { sliding } from '../../functions/core/windows/sliding.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import { zoneOffsets } from '../../functions/core/windows/zone-offsets.ts';
import { isObject, type Json, type JsonObject, present, unknownFields } from './json.ts';
import { Unsupported } from './unsupported.ts';

/** The offsets of a vector's windows, ms. Several are as many queries of one pipeline. */
export interface VectorOffsets {
  /** Those of the events that name none themselves. */
  readonly ofWindow: readonly number[];
  /** With those that events name, each once. */
  readonly all: readonly number[];
  /** Whether events name some. */
  readonly areOfEvents: boolean;
}

interface KnownKind {
  /** The fields that a vector may give for it. */
  readonly fields: readonly string[];
  /** @param times the event times that the window is for, ms */
  readonly make: (window: JsonObject, times: readonly number[]) => WindowKind;
}

/**
 * The window kinds that Tidemark has, by the vectors' names. Two fields are not options of Tidemark. `noNegativeStart`
 * says that Kafka Streams has no windows that start before 1970; the runner leaves such windows out of the outcome.
 * `endInclusive` says that its sessions end with their last record; the runner shows them so.
 */
const kinds: Readonly<Record<string, KnownKind>> = {
  tumbling: {
    fields: ['size', 'offset', 'noNegativeStart', 'timezone'],
    make: ({ size, offset, timezone }, times) => {
      const sizeMs = number('window.size', size);
      const hasClocks = timezone !== undefined && !liesAsInUtc(String(timezone), sizeMs, times);
      return tumbling(
        { ms: sizeMs },
        {
          offset: { ms: number('window.offset', offset ?? 0) },
          ...(hasClocks ? { timeZone: String(timezone) } : {}),
        },
      );
    },
  },
  sliding: {
    fields: ['size', 'slide', 'offset', 'noNegativeStart'],
    make: ({ size, slide, offset }) =>
      sliding(
        { ms: number('window.size', size) },
        { ms: number('window.slide', slide) },
        {
          offset: { ms: number('window.offset', offset ?? 0) },
        },
      ),
  },
  cumulate: {
    fields: ['size', 'step', 'offset'],
    make: ({ size, step, offset }) =>
      cumulate(
        { ms: number('window.size', size) },
        { ms: number('window.step', step) },
        {
          offset: { ms: number('window.offset', offset ?? 0) },
        },
      ),
  },
  calendar: {
    fields: ['unit', 'count', 'timezone', 'weekStart'],
    make: ({ unit, count = 1, timezone = 'UTC', weekStart }) => {
      if (count !== 1) throw new Unsupported([`window.count ${JSON.stringify(count)}`]);
      return calendar(String(unit) as CalendarUnit, {
        timeZone: String(timezone),
        ...(weekStart === undefined ? {} : { weekStart: String(weekStart).toLowerCase() as Weekday }),
      });
    },
  },
  session: {
    fields: ['gap', 'endInclusive'],
    make: ({ gap }, times) => {
      const gapMs = number('window.gap', gap);
      return session({ ms: gapMs }, { resolution: { ms: resolutionMs(gapMs, times) } });
    },
  },
  // Groups of the bare time, as Spark's: each is a window of its own moment.
  none: {
    fields: ['groupByTime'],
    make: ({ groupByTime }) => {
      if (groupByTime !== true) throw new Unsupported([`window.groupByTime ${JSON.stringify(groupByTime ?? null)}`]);
      return tumbling({ ms: 1 });
    },
  },
  global: { fields: [], make: () => global() },
};

/** The features of a vector's window that Tidemark lacks; empty where the vector has no window. */
export function missingWindow(window: Json | undefined): readonly string[] {
  if (window === undefined || window === null) return [];
  if (!isObject(window)) return ['a window that is not an object'];
  const { type, ...given } = present(window);
  if (type === undefined) return Object.keys(given).map((name) => `window.${name}`);
  const kind = typeof type === 'string' ? kinds[type] : undefined;
  if (kind === undefined) return [`window ${String(type)}`];
  const hasOffset = kind.fields.includes('offset');
  return unknownFields('window', given, [...kind.fields, ...(hasOffset ? ['offsets'] : [])]);
}

/**
 * The offsets at which a vector's windows lie, ms: `offset`, which may be a list, or `offsets`; and those that events
 * name.
 * @returns undefined where the vector names none
 * @throws Unsupported for one that is not a number, and for those of events of windows that have none
 */
export function windowOffsets(window: Json | undefined, events: readonly JsonObject[]): VectorOffsets | undefined {
  if (!isObject(window)) return undefined;
  const { type, offset = [], offsets = [] } = present(window);
  const ofWindow = [offset, offsets].flat().map((one) => number('window.offset', one));
  const ofEvents = events.flatMap(({ offset: own = null }) => (own === null ? [] : [number('events.offset', own)]));
  if (ofEvents.length > 0 && kinds[String(type)]?.fields.includes('offset') !== true)
    throw new Unsupported([`events.offset of window ${String(type)}`]);
  if (ofWindow.length === 0 && ofEvents.length === 0) return undefined;
  const usual = ofWindow.length === 0 ? [0] : ofWindow;
  return { ofWindow: usual, all: [...new Set([...usual, ...ofEvents])], areOfEvents: ofEvents.length > 0 };
}

/**
 * Makes the window.
 * @param offset the one of its offsets to make it at, ms
 * @param times the event times that it is for, ms
 * @throws Unsupported; TidemarkError when Tidemark refuses its sizes
 */
export function windowKindOf(window: JsonObject, offset: number | undefined, times: readonly number[]): WindowKind {
  const kind = kinds[String(window['type'])];
  if (kind === undefined) throw new Unsupported([`window ${String(window['type'])}`]);
  return kind.make({ ...present(window), ...(offset === undefined ? {} : { offset }) }, times);
}

/**
 * Whether windows in a time zone lie as they do in UTC: Tidemark has no others below a minute. Around each event the
 * clocks differ from UTC's by whole windows then.
 * @throws TidemarkError for an unknown time zone
 */
function liesAsInUtc(timeZone: string, sizeMs: number, times: readonly number[]): boolean {
  const zone = zoneOffsets(checkedTimeZone('window.timezone', timeZone));
  return sizeMs < 60_000 && times.every((time) => zone.spanAt(time).offsetMs % sizeMs === 0);
}

/** The longest gap that Tidemark closes to the millisecond, ms. */
const longestExactGapMs = 1_000_000;

/**
 * How finely sessions are closed, ms. The peers close them to the millisecond. Of a longer gap, a resolution that
 * divides the gap and all event times gives the same closings, `last + gap`.
 */
function resolutionMs(gapMs: number, times: readonly number[]): number {
  return gapMs <= longestExactGapMs ? 1 : times.reduce(greatestDivisor, gapMs);
}

function greatestDivisor(left: number, right: number): number {
  return right === 0 ? Math.abs(left) : greatestDivisor(right, left % right);
}

function number(name: string, value: Json | undefined): number {
  if (typeof value !== 'number') throw new Unsupported([`${name} ${JSON.stringify(value)}`]);
  return value;
}
