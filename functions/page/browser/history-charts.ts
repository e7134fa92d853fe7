import UPlot from 'uplot';
import { byId, element, replace } from './dom.ts';
import { formatShare, formatSpan, numberText, shortNumber } from './format.ts';
import { type HistoryPoint, historyMs } from './history.ts';
import { colorName, mostSeries, seriesColor } from './keys.ts';
import { themeColor } from './theme.ts';
import type { ZoneClock } from './zone-clock.ts';

/** What the charts of the last hour are of. */
export interface HistoryData {
  readonly points: readonly HistoryPoint[];
  /** Whether measurements are kept elsewhere; otherwise the page knows what it has seen. */
  readonly isMeasured: boolean;
  /** Epoch ms. */
  readonly now: number;
  /** The clock of the viewer, on which these charts are. */
  readonly clock: ZoneClock;
}

/** One of the charts: what it is of, and how its numbers read. */
interface Panel {
  readonly id: string;
  readonly title: string;
  readonly axisText: (value: number) => string;
  /** Distances of the axis's numbers. @default what is round in decimals */
  readonly distances?: readonly number[];
  readonly text: (value: number) => string;
  /** The names of its lines; one line without a name is not in a legend. */
  readonly names: (points: readonly HistoryPoint[]) => readonly string[];
  /** The value of a line in a stretch of time; null: not known. */
  readonly of: (point: HistoryPoint, name: string) => number | null;
}

const secondMs = 1000;
const hourMs = 3600 * secondMs;
/** Round lengths of time, ms. */
const roundSpans = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].map((seconds) => seconds * secondMs),
  ...[1, 2, 3, 6, 12, 24, 48, 120, 240, 720, 2400, 8760, 87_600].map((hours) => hours * hourMs),
];

const panels: readonly Panel[] = [
  {
    id: 'rate',
    title: 'Events a second',
    axisText: shortNumber,
    text: (value) => `${numberText(Math.round(value))}/s`,
    names: () => [''],
    of: ({ received, from, to }) => (received === null ? null : (received * 1000) / (to - from)),
  },
  {
    id: 'lag',
    title: 'Watermark behind the clock',
    axisText: (ms) => (ms === 0 ? '0' : formatSpan(ms)),
    distances: roundSpans,
    text: formatSpan,
    names: () => [''],
    of: ({ lagMs }) => lagMs,
  },
  {
    id: 'late-share',
    title: 'Late share by query',
    axisText: (value) => formatShare(value, 1),
    text: (value) => formatShare(value, 1),
    names: namesOfQueries,
    of({ queries }, name) {
      const pairs = queries[name];
      if (pairs === undefined || pairs.counted + pairs.late === 0) return null;
      return pairs.late / (pairs.counted + pairs.late);
    },
  },
];

/** The queries of the newest points; of more than can be told apart those with the most late events. */
function namesOfQueries(points: readonly HistoryPoint[]): readonly string[] {
  const late = new Map<string, number>();
  for (const { queries } of points)
    for (const [name, pairs] of Object.entries(queries)) late.set(name, (late.get(name) ?? 0) + pairs.late);
  const names = [...late.keys()];
  if (names.length <= mostSeries) return names;
  return names.toSorted((a, b) => (late.get(b) ?? 0) - (late.get(a) ?? 0)).slice(0, mostSeries);
}

const heightPx = 132;
/** The axis is at least so long, ms, and at most the hour. */
const leastMs = 120_000;
/** A stretch of time without points is a gap when it is longer than this, ms. */
const gapMs = 150_000;

interface Drawn {
  readonly plot: UPlot;
  readonly lines: string;
}

/** The charts of the last hour. @returns draws them */
export function createHistory(): (data: HistoryData) => void {
  const list = byId('history', HTMLElement);
  const note = byId('history-said', HTMLElement);
  const drawn = new Map<string, Drawn>();
  const places = new Map(
    panels.map(({ id, title }) => {
      const now = element('strong', {});
      const place = element('div', { class: 'small-chart', 'aria-hidden': 'true' });
      const legend = element('ul', { class: 'names' });
      const none = element('div', { class: 'none help' }, 'nothing to show yet');
      const item = element('li', {}, element('p', {}, title, now), none, place, legend);
      return [id, { item, now, none, place, legend }] as const;
    }),
  );
  let isShown = false;

  function options(panel: Panel, names: readonly string[], { clock }: HistoryData, width: number): UPlot.Options {
    const axis = (own: UPlot.Axis): UPlot.Axis => ({
      stroke: () => themeColor('--muted'),
      font: '11px system-ui, sans-serif',
      grid: { stroke: () => themeColor('--line'), width: 1 },
      ticks: { show: false },
      ...own,
    });
    return {
      width,
      height: heightPx,
      ms: 1,
      tzDate: (ms) => UPlot.tzDate(new Date(ms), clock.timeZone),
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 22, 0, 0],
      scales: {
        x: { range: (_plot, least, most) => [Math.max(most - historyMs, Math.min(least, most - leastMs)), most] },
        y: { range: (_plot, _least, most) => [0, (most ?? 0) > 0 ? most * 1.08 : 1] },
      },
      axes: [
        axis({ space: 70, size: 24, values: (_plot, splits) => splits.map((ms) => clock.clock(ms)) }),
        axis({
          space: 34,
          ...(panel.distances === undefined ? {} : { incrs: [...panel.distances] }),
          size: (_plot, values) => 12 + 6.4 * Math.max(3, ...(values ?? []).map((value) => value.length)),
          values: (_plot, splits) => splits.map(panel.axisText),
        }),
      ],
      series: [
        {},
        ...names.map((label, place): UPlot.Series => {
          const stroke = () => themeColor(colorName(place));
          const fill = () => themeColor('--accent-soft');
          return { label, stroke, width: 1.5, points: { show: false }, ...(names.length === 1 ? { fill } : {}) };
        }),
      ],
    };
  }

  function drawPanel(panel: Panel, data: HistoryData): void {
    const parts = places.get(panel.id);
    if (parts === undefined) return;
    const names = panel.names(data.points);
    const isKnown = data.points.some((point) => names.some((name) => panel.of(point, name) !== null));
    // The numbers of an axis without a line would be made up.
    parts.none.hidden = isKnown;
    parts.place.hidden = !isKnown;
    const latest = names.map((name) => lastKnown(data.points, (point) => panel.of(point, name)));
    const hasNames = names.some((name) => name !== '');
    parts.now.textContent = !hasNames && latest[0] !== undefined ? panel.text(latest[0]) : '';
    replace(
      parts.legend,
      ...(hasNames ? names : []).map((name, place) => {
        const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
        swatch.style.background = seriesColor(place);
        const value = latest[place];
        return element('li', {}, swatch, name, ` ${value === undefined ? '–' : panel.text(value)}`);
      }),
    );
    const lines = JSON.stringify([names, data.clock.timeZone]);
    if (!isKnown) return;
    const known = drawn.get(panel.id);
    if (known?.lines === lines) {
      known.plot.setData(alignedOf(panel, names, data));
      return;
    }
    known?.plot.destroy();
    const width = Math.max(160, parts.place.clientWidth);
    const plot = new UPlot(options(panel, names, data, width), alignedOf(panel, names, data), parts.place);
    drawn.set(panel.id, { plot, lines });
  }

  new ResizeObserver(() => {
    for (const [id, { plot }] of drawn) {
      const width = places.get(id)?.place.clientWidth ?? 0;
      if (width > 0 && plot.width !== width) plot.setSize({ width, height: heightPx });
    }
  }).observe(list);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const { plot } of drawn.values()) plot.redraw(false);
  });

  return (data) => {
    if (!isShown) list.replaceChildren(...[...places.values()].map(({ item }) => item));
    isShown = true;
    const since = data.points[0]?.from;
    const begun = since === undefined ? 'It begins now.' : `It begins at ${data.clock.moment(since)}.`;
    note.textContent = data.isMeasured
      ? `As the functions have measured it (CloudWatch), and as this page sees it. On your clock, ${data.clock.timeZone}.`
      : `As this page has seen it. ${begun} On your clock, ${data.clock.timeZone}.`;
    for (const panel of panels) drawPanel(panel, data);
  };
}

function lastKnown(points: readonly HistoryPoint[], of: (point: HistoryPoint) => number | null): number | undefined {
  const found = points.findLast((point) => of(point) !== null);
  return found === undefined ? undefined : (of(found) ?? undefined);
}

/** The points as steps: a value holds from the beginning of a stretch of time to its end. */
function alignedOf(panel: Panel, names: readonly string[], { points, now }: HistoryData): UPlot.AlignedData {
  const times: number[] = [];
  const lines: (number | null)[][] = names.map(() => []);
  const put = (time: number, valueIn: (name: string) => number | null) => {
    times.push(time);
    for (const [i, name] of names.entries()) lines[i]?.push(valueIn(name));
  };
  let before: HistoryPoint | undefined;
  for (const point of points) {
    if (before !== undefined && point.from - before.to > gapMs) put(before.to + 1, () => null);
    if (before === undefined || point.from - before.to > gapMs) put(point.from, (name) => panel.of(point, name));
    put(point.to, (name) => panel.of(point, name));
    before = point;
  }
  // The axis ends now, whether something was seen or not.
  if ((before?.to ?? 0) < now) put(now, () => null);
  return [times, ...lines];
}
