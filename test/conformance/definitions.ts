import { count } from '../../functions/core/aggregates/index.ts';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { definePipeline } from '../../functions/core/definition/define-pipeline.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import { type Json, type JsonObject, objectsOf } from './json.ts';
import { requireNothing } from './unsupported.ts';

/** The settings with definitions that vectors refuse, by the vectors' names. */
const settings = ['size', 'offset', 'grace', 'delay', 'idleTimeout'];

/** Values of the settings that an entry does not name. */
const usual = { size: 10_000, offset: 0, delay: 0, idleTimeout: 60_000 };

/**
 * The definitions of `expect.rejected` that Tidemark refuses. The entries are the question, because they stand nowhere
 * else.
 * @throws Unsupported for a setting that Tidemark does not have
 */
export function refusedDefinitions(entries: Json | undefined): readonly JsonObject[] {
  const definitions = objectsOf(entries);
  const names = definitions.flatMap((entry) => Object.keys(entry));
  requireNothing(names.filter((name) => !settings.includes(name)).map((name) => `setting ${name}`));
  return definitions.filter(isRefused);
}

function isRefused(entry: JsonObject): boolean {
  const setting = (name: keyof typeof usual) => ({ ms: (entry[name] ?? usual[name]) as number });
  try {
    definePipeline({
      name: 'vector',
      event: { '~standard': { version: 1, vendor: 'tidemark-conformance', validate: (value) => ({ value }) } },
      eventTime: () => 0,
      watermark: {
        delay: entry['grace'] === undefined ? setting('delay') : { ms: entry['grace'] as number },
        idle: setting('idleTimeout'),
      },
      queries: {
        vector: { window: tumbling(setting('size'), { offset: setting('offset') }), aggregates: { count: count() } },
      },
    });
    return false;
  } catch (error) {
    if (error instanceof TidemarkError) return true;
    throw error;
  }
}
