/**
 * A Kinesis sequence number: decimal text of up to 129 digits, per shard. DynamoDB's numbers hold 38 digits and
 * JavaScript's 15. So they stay text and are compared as integers of any length (emulators pad them with zeros).
 */
export type SequenceNumber = string;

/** Negative, zero or positive, as `left` is below, equal to or above `right`. */
export function compareSequenceNumbers(left: SequenceNumber, right: SequenceNumber): number {
  if (left === right) return 0;
  const a = significant(left);
  const b = significant(right);
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether `sequenceNumber` comes after `other`; everything comes after undefined, the start of the shard. */
export function isAfter(sequenceNumber: SequenceNumber, other: SequenceNumber | undefined): boolean {
  return other === undefined || compareSequenceNumbers(sequenceNumber, other) > 0;
}

/** The greater one, undefined being the start of the shard. */
export function latestOf(
  left: SequenceNumber | undefined,
  right: SequenceNumber | undefined,
): SequenceNumber | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  return compareSequenceNumbers(left, right) >= 0 ? left : right;
}

/**
 * Records in the order of their numbers, each number once. Lambda delivers them so. If it ever did not, the greatest
 * number would commit records that were left out, or count one twice.
 */
export function inSequence<Numbered>(
  records: readonly Numbered[],
  numberOf: (record: Numbered) => SequenceNumber,
): readonly Numbered[] {
  const compared = (left: Numbered, right: Numbered) => compareSequenceNumbers(numberOf(left), numberOf(right));
  const isAscending = records.every((record, i) => {
    const before = records[i - 1];
    return before === undefined || compared(before, record) < 0;
  });
  if (isAscending) return records;
  return [...records].sort(compared).filter((record, i, sorted) => {
    const before = sorted[i - 1];
    return before === undefined || compared(before, record) !== 0;
  });
}

function significant(text: string): string {
  let at = 0;
  while (at < text.length - 1 && text.charCodeAt(at) === 48) at++;
  return at === 0 ? text : text.slice(at);
}
