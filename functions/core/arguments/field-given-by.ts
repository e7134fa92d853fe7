/**
 * The field that a function of the event gives, where its source says so: `(event) => event.time`, as it was written
 * or as a bundler writes it. Such a function reads nothing else and keeps nothing of the event. Undefined for all other
 * functions: nothing is known of them.
 */
export function fieldGivenBy(select: unknown): string | undefined {
  if (typeof select !== 'function') return undefined;
  const source = Function.prototype.toString.call(select).trim();
  const arrow = /^\(?\s*([A-Za-z_]\w*)\s*\)?\s*=>\s*\1\.([A-Za-z_]\w*)$/.exec(source);
  const destructured = /^\(\s*\{\s*([A-Za-z_]\w*)(?:\s*:\s*([A-Za-z_]\w*))?\s*\}\s*\)\s*=>\s*([A-Za-z_]\w*)$/.exec(
    source,
  );
  if (arrow !== null) return arrow[2];
  if (destructured === null) return undefined;
  const [, name, renamed = name, given] = destructured;
  return given === renamed ? name : undefined;
}

/** A function of the event, with the names of the fields that it reads, where they are known. */
export type Reading<Select> = Select & { readonly reads?: readonly string[] };

/**
 * Says of a function which fields it reads: these alone, and it keeps nothing of the event. It may then be given an
 * object with no other fields, which is used again for the next event. Where it reads none, it gives all events the same.
 * @param names undefined among them: not known
 */
export function reading<Select extends object>(
  select: Select,
  names: readonly (string | undefined)[],
): Reading<Select> {
  const reads = names.filter((name) => name !== undefined);
  return reads.length < names.length ? select : Object.assign(select, { reads });
}
