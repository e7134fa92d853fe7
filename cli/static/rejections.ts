/** The number of rejected lines that are shown. */
const keptRejections = 5;

/** A reason for which lines were rejected. */
export interface ReasonCount<Line> {
  readonly reason: string;
  readonly count: number;
  /** The first line that was rejected for it. */
  readonly example: Line;
}

/** The rejected lines of a run. Memory holds only a few: the first ones, and an example of each reason. */
export interface Rejections<Line extends { readonly reason: string }> {
  readonly rejected: readonly Line[];
  readonly reasons: readonly ReasonCount<Line>[];
}

/** Takes rejected lines in the order of the input. */
export interface RejectionLog<Line extends { readonly reason: string }> extends Rejections<Line> {
  note(line: Line): void;
}

export function createRejections<Line extends { readonly reason: string }>(): RejectionLog<Line> {
  const rejected: Line[] = [];
  const byReason = new Map<string, { count: number; readonly example: Line }>();
  return {
    rejected,
    get reasons() {
      return [...byReason].map(([reason, own]) => ({ reason, ...own }));
    },
    note(line) {
      if (rejected.length < keptRejections) rejected.push(line);
      const known = byReason.get(line.reason);
      if (known === undefined) byReason.set(line.reason, { count: 1, example: line });
      else known.count++;
    },
  };
}

/** Joins the rejections of several runs over parts of an input. @param order of the input */
export function joinedRejections<Line extends { readonly reason: string }>(
  parts: readonly Rejections<Line>[],
  order: (left: Line, right: Line) => number,
): Rejections<Line> {
  const byReason = new Map<string, ReasonCount<Line>>();
  for (const own of parts.flatMap(({ reasons }) => reasons)) {
    const { reason, count, example } = byReason.get(own.reason) ?? { ...own, count: 0 };
    const first = order(own.example, example) < 0 ? own.example : example;
    byReason.set(reason, { reason, count: count + own.count, example: first });
  }
  return {
    rejected: parts
      .flatMap(({ rejected }) => rejected)
      .sort(order)
      .slice(0, keptRejections),
    reasons: [...byReason.values()],
  };
}
