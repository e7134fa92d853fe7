/**
 * A mistake that a person can put right: a wrong definition, a missing table, an unknown query. Its message is one line
 * that names the field, the value received and the remedy. The person is shown nothing else. Everything else that is
 * thrown is a bug or a failure of infrastructure.
 */
export class TidemarkError extends Error {
  override readonly name: string = 'TidemarkError';
}

/** An error that says where, what came and what to do: the three things every message about a mistake has. */
export function argumentError(field: string, received: unknown, remedy: string): TidemarkError {
  return new TidemarkError(`${shownField(field)}: ${valueText(received)} ${remedy}`);
}

/**
 * The name of a field as a message shows it. A person chooses the names of queries and settings, and they may hold
 * anything.
 */
function shownField(field: string): string {
  const line = field.replace(/\s+/g, ' ');
  return line.length > 120 ? `${line.slice(0, 117)}...` : line;
}

/** A received value as one short line. */
export function valueText(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' || value === undefined) return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? typeof value;
  } catch {
    text = typeof value;
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
