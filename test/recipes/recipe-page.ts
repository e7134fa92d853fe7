import { transformSync } from 'esbuild';
import * as z from 'zod';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import * as tidemark from '../../functions/core/index.ts';

/** A recipe of docs/recipes.md, as its test runs it. */
export interface Recipe {
  readonly title: string;
  /** The text of its pipeline's file, without imports. */
  readonly source: string;
  /** Its events, as text, in the order in which they arrive. */
  readonly events: readonly string[];
  readonly tables: readonly StatedTable[];
  /** Whether it shows code of a peer, and says what differs. */
  readonly hasPeer: boolean;
  readonly hasDifferences: boolean;
}

/** A table that the page states, with the line above it, which says what it shows. */
export interface StatedTable {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The recipes of the page: its numbered sections. */
export function recipesOf(page: string): readonly Recipe[] {
  return page
    .split(/^## /m)
    .filter((section) => /^\d+\. /.test(section))
    .map((section) => {
      const [title = ''] = section.split('\n');
      const blocks = [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
        language,
        text,
      }));
      const of = (wanted: string) => blocks.filter(({ language }) => language === wanted).map(({ text }) => text);
      const pipelines = of('ts').filter((text) => text.includes('export default definePipeline('));
      return {
        title,
        source: only(title, 'pipeline', pipelines),
        events: eventsOf(only(title, 'block of events', of('jsonc'))),
        tables: tablesOf(section.replace(/^```.*?^```$/gms, '')),
        hasPeer: /^\*\*(?:Spark|Flink|Flink SQL|ksqlDB|By hand on Lambda)\*\*/m.test(section),
        hasDifferences: /^What differs: /m.test(section),
      };
    });
}

function only(title: string, what: string, found: readonly string[]): string {
  const [one] = found;
  if (one === undefined || found.length > 1) throw new Error(`recipe ${title}: it has ${found.length} of: ${what}`);
  return one;
}

/** The events of a block, one a line, each with a comment behind it or without. */
function eventsOf(block: string): readonly string[] {
  return block
    .trim()
    .split('\n')
    .map((line) => {
      const [, event] = /^(\{.*\})(?: +\/\/.*)?$/.exec(line) ?? [];
      if (event === undefined) throw new Error(`not a line with an event: ${line}`);
      return event;
    });
}

function tablesOf(section: string): readonly StatedTable[] {
  return [...section.matchAll(/^(.+:)\n\n((?:\|.*\|\n)+)/gm)].map(([, caption = '', text = '']) => {
    const [columns = [], , ...rows] = text
      .trim()
      .split('\n')
      .map((line) =>
        line
          .split(/(?<!\\)\|/)
          .slice(1, -1)
          .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
      );
    return { caption, columns, rows };
  });
}

/** The pipeline that a recipe defines. It is run as it is written, with what the page says is imported. */
export function pipelineOf({ title, source }: Pick<Recipe, 'title' | 'source'>): Pipeline {
  const given = { z, ...tidemark };
  const { code } = transformSync(source.replace('export default ', 'const made = '), {
    loader: 'ts',
    sourcefile: title,
  });
  return new Function(...Object.keys(given), `${code}\nreturn made;`)(...Object.values(given)) as Pipeline;
}
