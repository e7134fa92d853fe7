import { readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import * as tidemark from '../../functions/core/index.ts';
import { declarationsOf } from '../reference/declarations.ts';
import { referencePages } from '../reference/main.ts';
import type { Member } from '../reference/members.ts';
import { apiPages } from '../reference/pages.ts';

const declarations = declarationsOf(apiPages.map(({ entry }) => entry));
const exports = apiPages.map((page, i) => ({ page, all: declarations[i] ?? [] }));

describe('the reference', () => {
  it('is as the code says (npm run docs writes it)', async () => {
    const pages = await referencePages();
    expect(pages.size).toBe(apiPages.length + 2);
    for (const [file, text] of pages) {
      expect(readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8'), `docs/${file}`).toBe(text);
    }
  });

  it('says something of every export, and of every member that is shown', () => {
    const untold = (members: readonly Member[], of: string): readonly string[] =>
      members.flatMap(({ name, doc, members: inner }) => [
        ...(doc.text === '' ? [`${of}.${name}`] : []),
        ...untold(inner, `${of}.${name}`),
      ]);
    const silent = exports.flatMap(({ page, all }) =>
      all.flatMap(({ name, doc, members }) => [
        ...(doc.text === '' ? [name] : []),
        ...(page.opaque.includes(name) ? [] : untold(members, name)),
      ]),
    );
    expect(silent).toEqual([]);
  });

  it('describes every type that a signature or a member names: it is exported', () => {
    const known = new Set(exports.flatMap(({ all }) => all.map(({ name }) => name)));
    const unknown = exports.flatMap(({ page, all }) =>
      all
        .filter(({ name }) => !page.opaque.includes(name))
        .flatMap(({ name, uses }) =>
          uses.filter((used) => !known.has(used) && !page.unnamed.includes(used)).map((used) => `${name}: ${used}`),
        ),
    );
    expect(unknown).toEqual([]);
  });

  it('has an example of every function of the DSL, which runs', () => {
    const given = { z, ...tidemark };
    const functions = exports[0]?.all.filter(({ kind }) => kind === 'function') ?? [];
    expect(functions.length).toBeGreaterThan(35);
    for (const { name, doc } of functions) {
      expect(doc.examples, name).toHaveLength(1);
      const [example = ''] = doc.examples;
      const { code } = transformSync(example.replace('export default ', ''), { loader: 'ts' });
      new Function(...Object.keys(given), code)(...Object.values(given));
    }
  });
});
