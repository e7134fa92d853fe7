import type { Context } from 'hono';
import type { Pipeline } from '../core/definition/pipeline.ts';
import type { Tables } from '../state/table/tables.ts';
import type { Cursors } from './cursor.ts';
import type { Parameters, ValuesOf } from './parameters.ts';
import type { SchemaName } from './schemas.ts';

/** What the API answers from. */
export interface RouteOptions {
  readonly pipeline: Pipeline;
  readonly tables: Tables;
  readonly cursors: Cursors;
  /** Epoch ms. */
  readonly now: () => number;
}

/** One path of the API: the application answers by it, and its description is made of it. */
export interface Route<P extends Parameters = Parameters> {
  /** As OpenAPI writes it: `/v1/queries/{query}/windows`. */
  readonly path: string;
  /** Names it for generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly description: string;
  /** Those in the path too. */
  readonly parameters: P;
  readonly answers: SchemaName;
  /** Whether it is a list, which is there as NDJSON and CSV too. */
  readonly isList: boolean;
  answer(context: Context, values: ValuesOf<P>, options: RouteOptions): Promise<Response>;
}

/** Ties the types of a route's parameters to its answer; the table of routes sees a plain `Route`. */
export function route<P extends Parameters>(spec: Route<P>): Route {
  // Its values are read by exactly these parameters (app.ts), so they have the types that they promise.
  return { ...spec, answer: (context, values, options) => spec.answer(context, values as ValuesOf<P>, options) };
}
