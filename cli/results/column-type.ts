/** The most members of a structure: a value with more is a dictionary, and JSON. */
const mostMembers = 64;

/**
 * The DuckDB type of a column: as narrow as all its values allow, without the loss of a digit. Structured results are
 * STRUCTs and lists, so that `latency.p99` and `unnest(pages.items)` work. They are JSON where they differ in kind.
 */
export function columnType(values: Iterable<unknown>): string {
  const given = [...values].filter((value) => value !== null && value !== undefined);
  return given.some((value) => typeof value === 'object') ? structuredType(given) : plainType(given);
}

function structuredType(values: readonly unknown[]): string {
  if (values.every(Array.isArray)) return `${columnType(values.flat(1))}[]`;
  const objects = values.filter((value) => typeof value === 'object' && !Array.isArray(value)) as Readonly<
    Record<string, unknown>
  >[];
  const names = [...new Set(objects.flatMap((value) => Object.keys(value)))];
  // A value may stand for one that was too long, or for a count beyond its bound, beside plain values. Only the type
  // JSON takes both.
  const isMixed = objects.length < values.length || names.length === 0 || names.length > mostMembers;
  // DuckDB's names must not be empty, nor differ by case only.
  const isNamed =
    names.every((name) => /^[^"]+$/.test(name)) &&
    new Set(names.map((name) => name.toLowerCase())).size === names.length;
  if (isMixed || !isNamed) return 'JSON';
  return `STRUCT(${names.map((name) => `"${name}" ${columnType(objects.map((value) => value[name]))}`).join(', ')})`;
}

function plainType(values: readonly unknown[]): string {
  let whole = true;
  let numeric = true;
  let boolean = true;
  let text = true;
  let digits = 0;
  let scale = 0;
  let any = false;
  for (const value of values) {
    any = true;
    boolean &&= typeof value === 'boolean';
    text &&= typeof value === 'string';
    const written = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
    const decimal = /^-?(\d+)(?:\.(\d+))?$/.exec(written);
    if (decimal !== null) {
      digits = Math.max(digits, (decimal[1] ?? '').length);
      scale = Math.max(scale, (decimal[2] ?? '').length);
    }
    whole &&= decimal !== null && decimal[2] === undefined && (typeof value === 'number' || digits > 15);
    // Exact sums come as numbers where a number holds them, and as text beyond.
    numeric &&=
      typeof value === 'number' || (typeof value === 'string' && (decimal !== null || /^-?Infinity$/.test(value)));
  }
  if (!any) return 'VARCHAR';
  if (boolean) return 'BOOLEAN';
  if (whole && numeric) return digits <= 18 ? 'BIGINT' : digits <= 38 ? 'HUGEINT' : 'DOUBLE';
  // Text that only looks like numbers, such as postcodes, is text.
  if (text && (digits <= 15 || !numeric)) return 'VARCHAR';
  if (!numeric) return 'JSON';
  // Only exact sums have more digits than a double: the digits of a mean are not a decimal.
  const isExact = values.some((value) => typeof value === 'string');
  return isExact && digits + scale > 15 && digits + scale <= 38 ? `DECIMAL(38, ${scale})` : 'DOUBLE';
}
