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
  /** What a vector may say of it. */
  readonly fields: readonly string[];
  readonly make: (window: JsonObject) => WindowKind;
}

/**
 * The window kinds that Tidemark has, by the vectors' names. `noNegativeStart`, Kafka Streams' having no windows before
 * 1970, is not one of its options: the runner leaves such windows out of the outcome; and `endInclusive`, its sessions
 * that end with their last record, it shows.
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

/** What of a vector's window Tidemark lacks; nothing where the vector has none. */
export function missingWindow(window: Json | undefined): readonly string[] {
  if (window === undefined || window === null) return [];
  if (!isObject(window)) return ['a window that is no object'];
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
