/**
 * The form and the rank of results, by their shape. The command line and the page, which runs in a browser, share it. A
 * result is a number, text, or one of the structures of docs/AGGREGATES.md. Results of the user's own aggregates are
 * shown by the names of their members.
 */

type Members = Readonly<Record<string, unknown>>;

/**
 * A result as text: `12`, `a 5, b 3 (error 1)`, `p50 12, p99 840`, `<10: 5, 10-100: 3, >=100: 1`, `>=1,001`.
 * @param number writes a number
 */
export function resultText(result: unknown, number: (value: number) => string): string {
  const text = (value: unknown) => resultText(value, number);
  if (typeof result === 'number') return number(result);
  if (Array.isArray(result)) return result.map(text).join(', ');
  if (typeof result !== 'object' || result === null) return String(result);
  const { atLeast, bytes, counts, count, edges, error, items, overflow, value, values } = result as Members;
  if (typeof atLeast === 'number') return `>=${number(atLeast)}`;
  if (typeof bytes === 'number' && overflow === true) return `(${number(bytes)} bytes)`;
  if (typeof overflow === 'string') return `(overflow: ${overflow})`;
  if (Array.isArray(items))
    return `${text(items)}${typeof error === 'number' && error > 0 ? ` (error ${number(error)})` : ''}`;
  if (Array.isArray(values)) return `${text(values)}${overflow === true ? ', ...' : ''}`;
  if (Array.isArray(counts) && Array.isArray(edges))
    return counts.map((one, i) => `${binText(edges, i, text)}: ${text(one)}`).join(', ');
  if (typeof count === 'number' && value !== undefined) return `${text(value)} ${number(count)}`;
  return Object.entries(result as Members)
    .map(([name, member]) => `${name} ${text(member)}`)
    .join(', ');
}

function binText(edges: readonly unknown[], bin: number, text: (value: unknown) => string): string {
  if (bin === 0) return `<${text(edges[0])}`;
  return bin === edges.length ? `>=${text(edges[bin - 1])}` : `${text(edges[bin - 1])}-${text(edges[bin])}`;
}

/**
 * The number that ranks a plain result: the result itself, the number in exact text, or the bound of an overflow.
 * Undefined when there is no such number.
 */
export function rankOf(result: unknown): number | undefined {
  if (typeof result === 'number') return result;
  if (typeof result === 'string')
    return result.trim() === '' || Number.isNaN(Number(result)) ? undefined : Number(result);
  if (typeof result !== 'object' || result === null || !('atLeast' in result)) return undefined;
  return typeof result.atLeast === 'number' ? result.atLeast : undefined;
}

/** The names of the numbers in a structured result: `p50`, `p99`. */
export function numbersIn(result: unknown): readonly string[] {
  if (typeof result !== 'object' || result === null || Array.isArray(result) || rankOf(result) !== undefined) return [];
  return Object.entries(result).flatMap(([name, member]) => (typeof member === 'number' ? [name] : []));
}
