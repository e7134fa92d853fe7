import { readFileSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';
import type { BuildFailure, Location } from 'esbuild';
import { nearest } from '../../functions/core/definition/named-fields.ts';
import * as language from '../../functions/core/index.ts';

/** Packages that pipelines import. */
const usualPackages = ['tidemark', 'zod', 'valibot', 'arktype'];

/**
 * The message of a failure to bundle, for the author of the file: the place, the fault and the remedy.
 * @param folder the folder that the bundler's places are relative to
 * @returns undefined for anything else that was thrown
 */
export function bundlingFailure(thrown: unknown, folder: string): string | undefined {
  if (!isBuildFailure(thrown)) return undefined;
  const [first, ...more] = thrown.errors;
  if (first === undefined) return thrown.message;
  const place = first.location === null ? '' : `${placeOf(first.location, folder)}: `;
  const others = more.length > 0 ? ` (and ${more.length} more)` : '';
  return `${place}${withRemedy(first.text.split('\n', 1)[0] ?? '')}${others}`;
}

/**
 * The message of a file that throws when it is loaded. For a name that is not defined, it has the line and the import.
 */
export function loadingFailure(thrown: unknown, file: string): string {
  const message = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n', 1)[0] ?? '';
  const name = /^(\S+) is not defined$/.exec(message)?.[1];
  if (name === undefined) return `${placeIn(file, thrownAt(thrown, file))}: ${message}`;
  return `${placeIn(file, lineOf(name, file))}: ${message}: ${importOf(name)}`;
}

function placeIn(file: string, line: number | undefined): string {
  return line === undefined ? file : `${file}:${line}`;
}

/**
 * The line of the file that called what threw, where source maps are enabled. The call of `definePipeline` says nothing:
 * its messages name the query and the field.
 */
function thrownAt(thrown: unknown, file: string): number | undefined {
  if (!(thrown instanceof Error) || thrown.stack === undefined) return undefined;
  const frame = thrown.stack.split('\n').find((line) => line.includes(`${basename(file)}:`));
  const line = Number(/:(\d+):\d+\)?$/.exec(frame ?? '')?.[1]);
  const text = sourceOf(file)?.split('\n')[line - 1];
  return text === undefined || text.includes('definePipeline(') ? undefined : line;
}

function isBuildFailure(thrown: unknown): thrown is BuildFailure {
  return thrown instanceof Error && 'errors' in thrown && Array.isArray(thrown.errors);
}

function placeOf({ file, line, column }: Location, folder: string): string {
  return `${relative(process.cwd(), resolve(folder, file))}:${line}:${column + 1}`;
}

function withRemedy(text: string): string {
  const missing = /^Could not resolve "(.+)"$/.exec(text)?.[1];
  if (missing !== undefined) return `${text}: ${resolving(missing)}`;
  const imported = /^No matching export in "(.+)" for import "(.+)"$/.exec(text);
  if (imported !== null) {
    const near = nearest(imported[2] ?? '', Object.keys(language));
    return `${text}: ${near === undefined ? 'correct the name' : `did you mean '${near}'?`}`;
  }
  return text.startsWith('Duplicate key')
    ? `${text}: the last one would win and the others vanish: rename one of them`
    : text;
}

function resolving(name: string): string {
  if (/^[./]/.test(name)) return 'there is no such file: correct the path of the import';
  const near = nearest(name, usualPackages);
  return near === undefined || near === name
    ? `install it (npm install ${name}), or correct the import`
    : `did you mean '${near}'? Else install it (npm install ${name})`;
}

function importOf(name: string): string {
  if (name === 'z') return "add import * as z from 'zod'";
  if (name === 'v') return "add import * as v from 'valibot'";
  if (name === 'type') return "add import { type } from 'arktype'";
  if (Object.hasOwn(language, name)) return `add import { ${name} } from 'tidemark'`;
  const near = nearest(name, Object.keys(language));
  return near === undefined
    ? 'import it, or define it before it is used'
    : `did you mean '${near}'? Else import it, or define it before it is used`;
}

/**
 * The first line that uses a name. Members of that name, comments and text do not count. Undefined: another file uses
 * it.
 */
function lineOf(name: string, file: string): number | undefined {
  const escaped = name.replace(/[^\w]/g, '\\$&');
  const used = new RegExp(`(?<![.\\w$'"\`])${escaped}(?![\\w$'"\`]|\\s*:)`);
  const text = sourceOf(file);
  if (text === undefined) return undefined;
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, (comment) => comment.replace(/[^\n]/g, ' '));
  const at = code.split('\n').findIndex((line) => used.test(line));
  return at === -1 ? undefined : at + 1;
}

function sourceOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
