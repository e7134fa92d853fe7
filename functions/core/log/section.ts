import type { Json } from '../aggregates/index.ts';
import type { Query } from '../definition/pipeline.ts';

/** The columns of a query's partial aggregates by slice and key (block.ts). */
export type SectionBlock = Json;

/** What one batch adds for one query: its partial aggregates, and which events were late for it. */
export interface Section {
  /** The query by its {@link sectionName}. */
  readonly query: string;
  readonly block: SectionBlock;
  /** The late events by their position in the shard: the n-th event that it received, from 0; ascending. */
  readonly late: readonly number[];
}

/**
 * The name under which logs and segments keep a query: its own, or that of a later generation when a query of this name
 * was removed before. What stragglers of the removed one still bring is never its successor's (DESIGN 4.3).
 */
export function sectionName({ name, generation = 0 }: Pick<Query, 'name' | 'generation'>): string {
  return generation === 0 ? name : `${name}~${generation}`;
}

/** The name of the query of a {@link sectionName}, whatever the generation: totals do not tell generations apart. */
export function queryOf(section: string): string {
  return section.replace(/~\d+$/, '');
}

/** The text of the sections of an entry: `{"query":[block,[late positions, each less the one before]]}`. */
export function sectionsText(sections: readonly Section[]): string {
  return JSON.stringify(
    Object.fromEntries(
      sections.map(({ query, block, late }) => [
        query,
        late.length === 0 ? [block] : [block, late.map((position, i) => position - (late[i - 1] ?? 0))],
      ]),
    ),
  );
}

/** The reverse of {@link sectionsText}. @throws when the text is not of an entry */
export function sectionsOf(text: string): readonly Section[] {
  return Object.entries(JSON.parse(text) as Record<string, readonly [SectionBlock, (readonly number[])?]>).map(
    ([query, [block, steps = []]]) => {
      let position = 0;
      return {
        query,
        block,
        late: steps.map((step) => {
          position += step;
          return position;
        }),
      };
    },
  );
}
