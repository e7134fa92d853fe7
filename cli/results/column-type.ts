/** The type that DuckDB is to have a column of, as narrow as all its values allow, without a digit lost. */
export function columnType(values: Iterable<unknown>): string {
  let whole = true;
  let numeric = true;
  let boolean = true;
  let text = true;
  let digits = 0;
  let scale = 0;
  let any = false;
  for (const value of values) {
    if (value === null || value === undefined) continue;
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
    // Exact sums come as numbers where these hold them, and as text beyond.
    numeric &&= typeof value === 'number' || (typeof value === 'string' && (decimal !== null || /^-?Infinity$/.test(value)));
    if (typeof value === 'object') return 'JSON';
  }
  if (!any) return 'VARCHAR';
  if (boolean) return 'BOOLEAN';
  if (whole && numeric) return digits <= 18 ? 'BIGINT' : digits <= 38 ? 'HUGEINT' : 'DOUBLE';
  // Text that only looks like numbers, postcodes say, is text.
  if (text && (digits <= 15 || !numeric)) return 'VARCHAR';
  if (!numeric) return 'JSON';
  return digits + scale > 15 && digits + scale <= 38 ? `DECIMAL(38, ${scale})` : 'DOUBLE';
}
