/** A range of epochs, both ends included. */
export interface EpochRange {
  readonly from: number;
  readonly to: number;
}

/** Members of a merge: 8 ranges of one size become one of the next. Part of the stored format. */
export const mergeFactor = 8;

/** The range of the segments that an epoch's own gathering writes. */
export function leafRange(epoch: number): EpochRange {
  return { from: epoch, to: epoch };
}

/**
 * The merges that are due at an epoch (DESIGN 4.2): the last 8 epochs at a multiple of 8, the last 64 at a multiple of
 * 64, and so on, ascending by size. In this order each finds the one before it among its members. They follow from the
 * number alone, never from what is there: a merge that is not associative to the byte gives the same bytes to everyone.
 * @param epoch from 1
 */
export function mergesAt(epoch: number): readonly EpochRange[] {
  const merges: EpochRange[] = [];
  for (let size = mergeFactor; epoch >= size && epoch % size === 0; size *= mergeFactor)
    merges.push({ from: epoch - size + 1, to: epoch });
  return merges;
}

/**
 * The segments that together hold everything up to an epoch, each thing once: those that end by then, without those
 * that lie within a larger one of them. Segments of one range (of several tasks) all stay, in the order given. Later
 * merges change nothing. It relies on ranges of {@link leafRange} and {@link mergesAt}, which never overlap in part,
 * and on a merge's segments standing there all together: a reader asks for epochs whose work is done.
 * @param through the last epoch that counts
 * @returns by `from`
 */
export function coverOf<S extends EpochRange>(segments: readonly S[], through: number): readonly S[] {
  const within = segments
    .filter(({ to }) => to <= through)
    .sort((left, right) => left.from - right.from || right.to - left.to);
  let outer: EpochRange | undefined;
  return within.filter((segment) => {
    if (outer !== undefined && segment.to <= outer.to) return segment.from === outer.from && segment.to === outer.to;
    outer = segment;
    return true;
  });
}

/**
 * The segments that a merge merges, in the order in which it merges them: the cover of its range without the merge
 * itself, which a run before this one may have written in part.
 */
export function membersOf<S extends EpochRange>(segments: readonly S[], { from, to }: EpochRange): readonly S[] {
  return coverOf(
    segments.filter((segment) => segment.from >= from && segment.to - segment.from < to - from),
    to,
  );
}

/** Digits of an epoch in a sort key. One epoch a second fills them in 30,000 years. */
const digits = 12;

/** A range as part of a sort key: `000000000009-000000000016`. Texts sort by `from`, then by `to`. */
export function rangeText(from: number, to: number): string {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1 || to < from || to >= 10 ** digits)
    throw new Error(`epochs ${from} to ${to}: not a range`);
  return `${String(from).padStart(digits, '0')}-${String(to).padStart(digits, '0')}`;
}

/** The reverse of {@link rangeText}. @throws when the text is not of it: the item is corrupt */
export function rangeOf(text: string): EpochRange {
  const [, from, to] = /^(\d{12})-(\d{12})$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw new Error(`not a range of epochs: ${text.slice(0, 40)}`);
  return { from: Number(from), to: Number(to) };
}
