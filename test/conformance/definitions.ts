import { count } from '../../functions/core/aggregates/index.ts';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { definePipeline } from '../../functions/core/definition/define-pipeline.ts';
import { cumulate } from '../../functions/core/windows/cumulate.ts';
import { session } from '../../functions/core/windows/session.ts';
import { sliding } from '../../functions/core/windows/sliding.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import { type Json, type JsonObject, objectsOf, present } from './json.ts';
import { requireNothing, Unsupported } from './unsupported.ts';

/** Values of the settings that an entry does not name, ms, by the vectors' names. The first are of windows. */
const usual = {
  ...{ size: 10_000, offset: 0, advance: 5000, slide: 5000, step: 1000, gap: 5000 },
  ...{ delay: 0, grace: 0, allowedLateness: 0, idleTimeout: 60_000 },
};

type Setting = keyof typeof usual;

/**
 * The definitions of `expect.rejected` that Tidemark refuses. The entries are the question, because they stand nowhere
 * else.
 * @throws Unsupported for a setting that Tidemark does not have
 */
export function refusedDefinitions(entries: Json | undefined): readonly JsonObject[] {
  const definitions = objectsOf(entries);
  const names = definitions.flatMap((entry) => Object.keys(entry));
  requireNothing(names.filter((name) => !Object.hasOwn(usual, name)).map((name) => `setting ${name}`));
  return definitions.filter(isRefused);
}

function isRefused(entry: JsonObject): boolean {
  const given = present(entry);
  const setting = (name: Setting) => ({ ms: settingIn(given, name) });
  try {
    definePipeline({
      name: 'vector',
      event: { '~standard': { version: 1, vendor: 'tidemark-conformance', validate: (value) => ({ value }) } },
      eventTime: () => 0,
      watermark: { delay: setting('grace' in given ? 'grace' : 'delay'), idle: setting('idleTimeout') },
      queries: {
        vector: {
          window: windowOf(given, setting),
          allowedLateness: setting('allowedLateness'),
          aggregates: { count: count() },
        },
      },
    });
    return false;
  } catch (error) {
    if (error instanceof TidemarkError) return true;
    throw error;
  }
}

/** The window whose settings an entry names. Kafka Streams' `advance` is the slide of a sliding window. */
function windowOf(given: JsonObject, setting: (name: Setting) => { readonly ms: number }): WindowKind {
  const offset = { offset: setting('offset') };
  if ('gap' in given) return session(setting('gap'));
  if ('step' in given) return cumulate(setting('size'), setting('step'), offset);
  if ('advance' in given) return sliding(setting('size'), setting('advance'), offset);
  if ('slide' in given) return sliding(setting('size'), setting('slide'), offset);
  return tumbling(setting('size'), offset);
}

/** A setting of an entry: a number, or one told by the size, as in `size + 1`. */
function settingIn(given: JsonObject, name: Setting): number {
  const value = given[name] ?? usual[name];
  if (typeof value === 'number') return value;
  const [, sign, distance] = /^size ([+-]) (\d+)$/.exec(String(value)) ?? [];
  if (distance === undefined || name === 'size') throw new Unsupported([`setting ${name} ${JSON.stringify(value)}`]);
  return settingIn(given, 'size') + (sign === '-' ? -1 : 1) * Number(distance);
}
