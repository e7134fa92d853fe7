/** One field of CSV (RFC 4180): what holds a comma, a quote or a line end is quoted, and quotes in it are doubled. Null is empty, an object is JSON. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
