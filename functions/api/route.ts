import type { Context } from 'hono';
import type { Pipeline } from '../core/definition/pipeline.ts';
import type { ReadHistory } from '../edge/metric-history.ts';
import type { Tables } from '../state/table/tables.ts';
import type { Cursors } from './cursor.ts';
import type { Parameters, ValuesOf } from './parameters.ts';
import type { RequestTime } from './request-time.ts';
import type { SchemaName } from './schemas.ts';

/** The data that the API answers from. */
export interface RouteOptions {
  readonly pipeline: Pipeline;
  /** They answer as long as the request has time: then calls throw OutOfTime. */
  readonly tables: Tables;
  readonly time: RequestTime;
  readonly cursors: Cursors;
  /** Epoch ms. */
  readonly now: () => number;
  /** The sinks that have a function here. */
  readonly served: ReadonlySet<string>;
  /** Reads what the functions have measured; undefined: nothing keeps it. */
  readonly history: ReadHistory | undefined;
  /** How the command line finds the deployment. */
  readonly feed: Feed;
}

/** How the command line finds a deployment, to put events into it. */
export interface Feed {
  /** The Kinesis stream, or the Kafka topic. */
  readonly stream: string;
  readonly source: 'kinesis' | 'kafka';
  /** The stack that the deployment belongs to; undefined: it is found by the port of its API. */
  readonly stack: string | undefined;
}

/** One path of the API. The application answers by it, and the API's description is made of it. */
export interface Route<P extends Parameters = Parameters> {
  /** As OpenAPI writes it: `/v1/queries/{query}/windows`. */
  readonly path: string;
  /** The operation's name in generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly description: string;
  /** All parameters, those in the path included. */
  readonly parameters: P;
  readonly answers: SchemaName;
  /** Whether the answer is a list, which can be asked for as NDJSON and CSV too. */
  readonly isList: boolean;
  answer(context: Context, values: ValuesOf<P>, options: RouteOptions): Promise<Response>;
}

/** Ties the types of a route's parameters to its answer. The table of routes sees a plain `Route`. */
export function route<P extends Parameters>(spec: Route<P>): Route {
  // The values were read by exactly these parameters (app.ts), so they have the promised types.
  return { ...spec, answer: (context, values, options) => spec.answer(context, values as ValuesOf<P>, options) };
}
