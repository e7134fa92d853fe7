import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { boundedTexts } from './bounded.ts';
import { csvRow, type FormulaForm } from './csv.ts';
import { Problem } from './problem.ts';

/** A value of a column: CSV writes objects as JSON. */
export type Cell = unknown;

/** An answer that is a list, in whatever form it is asked for. */
export interface ListAnswer<T> {
  /** The list's name in JSON. */
  readonly name: string;
  readonly elements: Iterable<T> | AsyncIterable<T>;
  /** Most elements; undefined: no limit. */
  readonly limit: number | undefined;
  /** Other members of the JSON object, before the list. */
  readonly head?: Readonly<Record<string, unknown>>;
  /**
   * The cursor of the next page when this one ends after `count` elements; null when nothing is left; undefined for
   * lists without pages.
   */
  readonly cursorAfter?: (count: number) => Promise<string | null>;
  /** Flat rows of an element, for CSV and NDJSON. */
  readonly rowsOf: (element: T) => readonly Readonly<Record<string, Cell>>[];
  readonly columns: readonly string[];
  /** How CSV writes text that looks like a formula. */
  readonly formulas: FormulaForm;
  /** The problem when not even one element fits, or, of a list without pages, when not all do. */
  readonly tooLarge: () => Problem;
  /** Whether nothing in it changes any more, except by a correction. */
  readonly isFinal: boolean;
}

/** The forms of lists, in the order of preference. */
export const listTypes = ['application/json', 'application/x-ndjson', 'text/csv'] as const;

/**
 * How long caches may keep final windows, in seconds. A correction of late events is seen after that time, or with
 * `Cache-Control: no-cache`.
 */
const finalSeconds = 86_400;

/** The headers that tell caches how long to keep an answer. */
export function cacheControl(isFinal: boolean): Readonly<Record<string, string>> {
  return { 'cache-control': isFinal ? `private, max-age=${finalSeconds}` : 'no-store' };
}

/**
 * Answers with a list as JSON, NDJSON (a row a line) or CSV (RFC 4180), by `Accept`. An answer that is not a JSON
 * object has its cursor in a `Link` header.
 */
export async function listResponse<T>(context: Context, list: ListAnswer<T>): Promise<Response> {
  const type = listType(context);
  const render =
    type === 'application/json'
      ? (element: T) => JSON.stringify(element)
      : (element: T) => linesOf(type, list, element);
  const { texts, ended } = await boundedTexts(
    list.elements,
    list.limit ?? Number.POSITIVE_INFINITY,
    list.tooLarge,
    render,
  );
  if (!ended && list.limit === undefined) throw list.tooLarge();
  const cursor = list.cursorAfter === undefined ? undefined : await list.cursorAfter(texts.length);
  const headers = {
    ...cacheControl(list.isFinal),
    vary: 'accept, accept-encoding',
    'content-type': type === 'text/csv' ? 'text/csv; charset=utf-8' : type,
  };
  if (type === 'application/json') {
    const head = Object.entries(list.head ?? {}).map(
      ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)},`,
    );
    const tail = cursor === undefined ? '' : `,"cursor":${JSON.stringify(cursor)}`;
    return context.body(`{${head.join('')}"${list.name}":[${texts.join()}]${tail}}`, 200, headers);
  }
  const body = `${type === 'text/csv' ? csvRow(list.columns, list.formulas) : ''}${texts.join('')}`;
  return context.body(
    body,
    200,
    typeof cursor === 'string' ? { ...headers, link: `<${nextPage(context, cursor)}>; rel="next"` } : headers,
  );
}

/** Whether a list is asked for as a JSON object, which says more than its rows. */
export function isJson(context: Context): boolean {
  return listType(context) === 'application/json';
}

/** The requested form. @throws Problem when it is not one of {@link listTypes} */
function listType(context: Context): (typeof listTypes)[number] {
  if (context.req.header('accept') === undefined) return 'application/json';
  const found = accepts(context, { header: 'Accept', supports: [...listTypes], default: '', match: preferred });
  const type = listTypes.find((known) => known === found);
  if (type !== undefined) return type;
  const asked = context.req.header('accept') ?? '';
  throw new Problem(
    406,
    'not-acceptable',
    'accept',
    `accept: ${JSON.stringify(asked.slice(0, 60))} is not a form of a list: ask for ${listTypes.join(', ')}`,
  );
}

/** The supported type with the greatest quality. Hono's own match does not treat wildcards as types. */
function preferred(
  accepted: readonly { readonly type: string; readonly q: number }[],
  { supports }: { readonly supports: readonly string[] },
): string {
  const qualityOf = (type: string) => {
    const [main] = type.split('/');
    const own = [type, `${main}/*`, '*/*']
      .map((range) => accepted.find((given) => given.type.toLowerCase() === range))
      .find((given) => given !== undefined);
    return own?.q ?? 0;
  };
  const best = [...supports].sort((left, right) => qualityOf(right) - qualityOf(left))[0] ?? '';
  return qualityOf(best) > 0 ? best : '';
}

function linesOf<T>(
  type: 'application/x-ndjson' | 'text/csv',
  { rowsOf, columns, formulas }: ListAnswer<T>,
  element: T,
): string {
  return rowsOf(element)
    .map((row) =>
      type === 'text/csv'
        ? csvRow(
            columns.map((column) => row[column]),
            formulas,
          )
        : `${JSON.stringify(row)}\n`,
    )
    .join('');
}

/** The address of the next page, relative to the request, whatever stage of API Gateway it went through. */
function nextPage(context: Context, cursor: string): string {
  const { searchParams } = new URL(context.req.url);
  searchParams.set('cursor', cursor);
  return `?${searchParams}`;
}
