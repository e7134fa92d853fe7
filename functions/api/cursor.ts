import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { cursorSecret } from '../state/items/cursor-secret.ts';
import type { Table } from '../state/table/table.ts';
import { refused } from './parameters.ts';

/** Where a list was left off, as text that clients cannot make or change. */
export interface Cursors {
  /**
   * Text for a place in a list.
   * @param request the request that the cursor belongs to: a cursor of another list is refused, and so is one of the
   * same list with other parameters
   */
  seal(request: string, place: unknown): Promise<string>;
  /** @throws Problem for text that {@link Cursors.seal} has not made for this request */
  open(request: string, text: string): Promise<unknown>;
}

/** @param newSecret 32 random bytes or more, as text: the first caller's secret is kept for ever */
export function signedCursors(state: Table, newSecret: () => string): Cursors {
  let secret: Promise<string> | undefined;
  const signature = async (request: string, place: string) => {
    secret ??= cursorSecret(state, newSecret).catch((error: unknown) => {
      secret = undefined;
      throw error;
    });
    return createHmac('sha256', await secret)
      .update(`${request}\n${place}`)
      .digest('base64url');
  };
  return {
    async seal(request, place) {
      const text = Buffer.from(JSON.stringify(place)).toString('base64url');
      return `${text}.${await signature(request, text)}`;
    },
    async open(request, text) {
      const [, place = '', given = ''] = /^([\w-]{1,6000})\.([\w-]{43})$/.exec(text) ?? [];
      if (place !== '' && timingSafeEqual(Buffer.from(given), Buffer.from(await signature(request, place))))
        return JSON.parse(Buffer.from(place, 'base64url').toString());
      throw refused(
        'cursor',
        text,
        'is not a cursor of this list: give the one of the page before, with the other parameters as they were',
      );
    },
  };
}

/** The request that a cursor belongs to: the path and the parameters that choose and order the list. */
export function requestOf({ req }: Context): string {
  const { pathname, searchParams } = new URL(req.url);
  for (const name of ['cursor', 'limit']) searchParams.delete(name);
  searchParams.sort();
  return `${pathname}?${searchParams}`;
}
