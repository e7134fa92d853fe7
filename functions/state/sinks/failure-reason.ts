/** How many characters of a reason are kept. */
const mostChars = 500;

/** How many errors in a chain of causes are told. */
const mostCauses = 4;

/**
 * An error as one line: its name and message, then those of the errors behind it with their codes. `fetch failed` alone
 * does not say that the name is not known or that the connection was refused.
 */
export function failureReason(error: unknown): string {
  const parts: string[] = [];
  let at: unknown = error;
  while (at !== undefined && at !== null && parts.length <= mostCauses) {
    parts.push(described(at));
    at = behind(at);
  }
  return parts.join(': caused by ').replace(/\s+/g, ' ').slice(0, mostChars);
}

/**
 * The error behind another one. Node tries the addresses of a name in turn. Its AggregateError has a code, an empty
 * message, and the failures in `errors`.
 */
function behind(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  if (error.cause !== undefined) return error.cause;
  return error instanceof AggregateError ? error.errors[0] : undefined;
}

function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { readonly code?: unknown };
  const isNew = (typeof code === 'string' || typeof code === 'number') && !error.message.includes(String(code));
  const words = [isNew ? String(code) : '', error.message].filter((word) => word !== '').join(' ');
  return words === '' ? error.name : `${error.name}: ${words}`;
}
