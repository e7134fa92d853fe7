import type { Problem } from './problem.ts';

/** Lambda's limit for an answer is 6 MB in all. API Gateway's envelope takes a little of it. */
const mostAnswerBytes = 5_900_000;

/** As many elements of a list as one answer holds. */
export interface Bounded {
  /** The text of each element. */
  readonly texts: readonly string[];
  /** Whether the list ended with these elements. */
  readonly ended: boolean;
}

/**
 * As many of the elements, in their order, as fit into one answer, but at most `limit`. Elements are taken only while
 * there is room. The answer goes through Lambda as JSON text within JSON, so it counts with its quotes escaped.
 * @param tooLarge the problem when not even the first element fits
 * @throws that problem
 */
export async function boundedTexts<T>(
  elements: Iterable<T> | AsyncIterable<T>,
  limit: number,
  tooLarge: () => Problem,
  render: (element: T) => string,
): Promise<Bounded> {
  const texts: string[] = [];
  let bytes = 0;
  for await (const element of elements) {
    if (texts.length === limit) return { texts, ended: false };
    const text = render(element);
    bytes += Buffer.byteLength(JSON.stringify(text));
    if (bytes > mostAnswerBytes) {
      if (texts.length === 0) throw tooLarge();
      return { texts, ended: false };
    }
    texts.push(text);
  }
  return { texts, ended: true };
}
