import { answersOf } from './answers.ts';
import { refusedDefinitions } from './definitions.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { mergedStatistics } from './merges.ts';
import { play } from './play.ts';
import { aggregateNames } from './shape.ts';
import { Unsupported } from './unsupported.ts';
import { vectorOf } from './vector.ts';

/** The outcome of a vector. */
export type VectorRun =
  | { readonly id: string; readonly status: 'ran'; readonly actual: JsonObject }
  | { readonly id: string; readonly status: 'unsupported'; readonly missing: string };

/** Runs a vector. Every error in it or during its run becomes its outcome. */
export async function runVector(raw: Json): Promise<VectorRun> {
  const id =
    isObject(raw) && typeof raw['id'] === 'string'
      ? raw['id']
      : JSON.stringify(isObject(raw) ? (raw['id'] ?? null) : raw).slice(0, 80);
  try {
    if (!isObject(raw)) throw new Unsupported(['a vector that is not an object']);
    return { id, status: 'ran', actual: await actualOf(raw) };
  } catch (error) {
    if (error instanceof Unsupported) return { id, status: 'unsupported', missing: error.message };
    // A failure of the production code is an answer too, and never the expected one.
    return { id, status: 'ran', actual: { error: error instanceof Error ? error.message : String(error) } };
  }
}

async function actualOf(raw: JsonObject): Promise<JsonObject> {
  const { expect } = raw;
  // Two kinds of vectors run nothing: their whole question is in `expect`.
  const [field, ...others] = Object.keys(isObject(expect) ? expect : {});
  if (isObject(expect) && others.length === 0) {
    if (field === 'rejected') return { rejected: refusedDefinitions(expect['rejected']) };
    if (field === 'merge') return { merge: mergedStatistics(expect['merge']) };
  }
  const vector = vectorOf(raw);
  return answersOf(vector, () => play(vector, aggregateNames(vector)));
}
