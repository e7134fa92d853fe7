import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** The files of a folder, each with the files of that folder that it imports. Imports of types count, too. */
function importsIn(folder: string): Graph {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
  return new Map(
    files.map((file) => {
      const found = readFileSync(file, 'utf8').matchAll(/\bfrom '(\.[^']+)'|\bimport\('(\.[^']+)'\)/g);
      const targets = [...found].map(([, from, dynamic]) => normalize(join(dirname(file), from ?? dynamic ?? '')));
      return [file, new Set(targets.filter((target) => target.startsWith(`${folder}/`)))];
    }),
  );
}

/** All files from which imports lead back to the file itself. For circles of rooms, see test/unit/documents.test.ts. */
function inCircles(graph: Graph): readonly string[] {
  return [...graph.keys()].filter((node) => {
    const reached = new Set<string>();
    const ahead = [...(graph.get(node) ?? [])];
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      ahead.push(...(graph.get(next) ?? []));
    }
    return reached.has(node);
  });
}

describe.each(['functions/core', 'functions/state'])('%s', (folder) => {
  const files = importsIn(folder);

  it('has imports to look at', () => {
    expect(Math.max(...[...files.values()].map((targets) => targets.size))).toBeGreaterThan(3);
  });

  it('has no circle of files, types included', () => {
    expect(inCircles(files)).toStrictEqual([]);
  });
});
