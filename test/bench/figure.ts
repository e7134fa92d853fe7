import { formatTable } from '../../cli/print/table.ts';

/** A value that a figure is compared with. */
export interface Yardstick {
  readonly name: string;
  /** In the figure's unit. */
  readonly value: number;
  /** The factor by which the figure is better; below 1 it is worse. */
  readonly ratio: number;
  /** `documented`: measured at another time, on a machine of this kind. */
  readonly source: 'this run' | 'documented';
}

/** The value that a figure has to reach. */
export interface Target {
  readonly text: string;
  readonly met: boolean;
}

/** One measured quantity. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly yardsticks: readonly Yardstick[];
  readonly target?: Target;
  /** Further observations, by name. */
  readonly details: Readonly<Record<string, number | string>>;
}

/** One benchmark, whose figures belong together. It reports its progress line by line. */
export type Bench = (say: (line: string) => void) => Promise<readonly Figure[]>;

type Measured = Pick<Figure, 'value' | 'better'>;

/** A yardstick with its ratio. */
export function yardstick(
  { value, better }: Measured,
  name: string,
  other: number,
  source: Yardstick['source'] = 'this run',
): Yardstick {
  return { name, value: other, ratio: better === 'higher' ? value / other : other / value, source };
}

/**
 * The processor time of some work, in ms, by all threads of this process: collecting garbage too, and nothing of what
 * runs beside it on a shared machine.
 */
export function cpuMs(run: () => unknown): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The middle value, or the mean of the two middle values. */
export function median(values: readonly number[]): number {
  return (quantile(values, 0.5) + quantile(values, 0.5, Math.floor)) / 2;
}

/**
 * The value below which a share of all values lie.
 * @param round chooses the neighbour
 */
export function quantile(
  values: readonly number[],
  share: number,
  round: (position: number) => number = Math.ceil,
): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, round((sorted.length - 1) * share))] ?? Number.NaN;
}

/** All figures as a table: one line for each pair of figure and yardstick. */
export function figureTable(figures: readonly Figure[]): string {
  return formatTable(
    [
      { heading: 'figure' },
      { heading: 'measured', align: 'right' },
      { heading: 'unit' },
      { heading: 'beside' },
      { heading: 'yardstick', align: 'right' },
      { heading: 'times better', align: 'right' },
      { heading: 'target' },
    ],
    figures.flatMap((figure) => {
      const target =
        figure.target === undefined ? '' : `${figure.target.text}: ${figure.target.met ? 'met' : 'NOT met'}`;
      const rows = figure.yardsticks.map(({ name, value, ratio, source }) => [
        `${name}${source === 'documented' ? ' (documented)' : ''}`,
        rounded(value),
        rounded(ratio),
      ]);
      const [first = ['', '', ''], ...rest] = rows;
      return [
        [figure.name, rounded(figure.value), figure.unit, ...first, target],
        ...rest.map((row) => ['', '', '', ...row, '']),
      ];
    }),
  );
}

/** Rounds to three significant digits. */
function rounded(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}
