import { type CalendarUnit, calendar } from '../../functions/core/windows/calendar.ts';
import { cumulate } from '../../functions/core/windows/cumulate.ts';
import { global } from '../../functions/core/windows/global.ts';
import { session } from '../../functions/core/windows/session.ts';
import { sliding } from '../../functions/core/windows/sliding.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import { isObject, type Json, type JsonObject, unknownFields } from './json.ts';
import { Unsupported } from './unsupported.ts';

interface KnownKind {
  /** The fields that a vector may give for it. */
  readonly fields: readonly string[];
  readonly make: (window: JsonObject) => WindowKind;
}

/**
 * The window kinds that Tidemark has, by the vectors' names. Two fields are not options of Tidemark. `noNegativeStart`
 * says that Kafka Streams has no windows that start before 1970; the runner leaves such windows out of the outcome.
 * `endInclusive` says that its sessions end with their last record; the runner shows them so.
 */
const kinds: Readonly<Record<string, KnownKind>> = {
  tumbling: {
    fields: ['size', 'offset', 'noNegativeStart', 'timezone'],
    make: ({ size, offset, timezone }) =>
      tumbling(
        { ms: number('window.size', size) },
        {
          offset: { ms: number('window.offset', offset ?? 0) },
          ...(timezone === undefined ? {} : { timeZone: String(timezone) }),
        },
      ),
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
    fields: ['unit', 'count', 'timezone'],
    make: ({ unit, count, timezone }) => {
      if (count !== 1) throw new Unsupported([`window.count ${JSON.stringify(count)}`]);
      return calendar(String(unit) as CalendarUnit, { timeZone: String(timezone) });
    },
  },
  // The peers close sessions to the millisecond.
  session: {
    fields: ['gap', 'endInclusive'],
    make: ({ gap }) => session({ ms: number('window.gap', gap) }, { resolution: { ms: 1 } }),
  },
  global: { fields: [], make: () => global() },
};

/** The features of a vector's window that Tidemark lacks; empty where the vector has no window. */
export function missingWindow(window: Json | undefined): readonly string[] {
  if (window === undefined || window === null) return [];
  if (!isObject(window)) return ['a window that is not an object'];
  const { type } = window;
  if (type === undefined) return Object.keys(window).map((name) => `window.${name}`);
  const kind = typeof type === 'string' ? kinds[type] : undefined;
  return kind === undefined ? [`window ${String(type)}`] : unknownFields('window', window, ['type', ...kind.fields]);
}

/** Makes the window. @throws Unsupported; TidemarkError when Tidemark refuses its sizes */
export function windowKindOf(window: JsonObject): WindowKind {
  const kind = kinds[String(window['type'])];
  if (kind === undefined) throw new Unsupported([`window ${String(window['type'])}`]);
  return kind.make(window);
}

function number(name: string, value: Json | undefined): number {
  if (typeof value !== 'number') throw new Unsupported([`${name} ${JSON.stringify(value)}`]);
  return value;
}
