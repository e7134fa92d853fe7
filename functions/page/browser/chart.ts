import UPlot from 'uplot';
import type { ShownWindow } from './api.ts';
import { shortNumber } from './format.ts';
import { colorName, type Series } from './keys.ts';
import { hatch, themeColor } from './theme.ts';
import type { Form } from './view.ts';
import type { ZoneClock } from './zone-clock.ts';

/** The data that the chart draws. */
export interface ChartData {
  readonly windows: readonly ShownWindow[];
  readonly series: readonly Series[];
  /** `stack` puts series on top of one another, and is for values that can be added up. */
  readonly form: Exclude<Form, 'each'>;
  /** The clock of the time axis. */
  readonly clock: ZoneClock;
  /** The watermark, epoch ms; null before there is one. */
  readonly watermark: number | null;
}

export interface Chart {
  draw(data: ChartData): void;
  /** Moves the cursor to a window; undefined: to none. */
  point(index: number | undefined): void;
}

/** How series are drawn. */
type Kind = 'bars' | 'lines' | 'stack';

/** Up to so many keys are drawn as bars, unless a bar would be thinner than the least width (CSS pixels). */
const fewKeys = 4;
const leastBarPx = 2;

const heightPx = () => (innerWidth < 600 ? 220 : 320);

/**
 * The chart of windows by key, in the given place. Few keys are bars, many are lines. Windows that are not final are
 * hatched.
 * @param onPoint called with the index of the window that the pointer is at, or with undefined when it has left
 */
export function createChart(place: HTMLElement, onPoint: (index: number | undefined) => void): Chart {
  let plot: UPlot | undefined;
  let shown: ChartData | undefined;
  let made = '';

  function draw(data: ChartData): void {
    shown = data;
    const { windows, series, clock } = data;
    // A chart of nothing would have the axis of a time that nothing is at.
    if (windows.length === 0) {
      plot?.destroy();
      plot = undefined;
      return;
    }
    const width = Math.max(200, place.clientWidth);
    const kind = kindOf(data, width);
    // The series of a uPlot chart are fixed once it is made.
    const wanted = `${kind} ${clock.timeZone} ${series.map(({ id, place: color }) => `${color}${id}`).join()}`;
    if (plot === undefined || wanted !== made) {
      plot?.destroy();
      plot = new UPlot(options(data, kind, width), dataOf(data), place);
      made = wanted;
      return;
    }
    plot.setData(dataOf(data));
  }

  /** The data that is drawn now. The chart is of it from its making on. */
  const current = (): ChartData => {
    if (shown === undefined) throw new Error('the chart draws before it has data');
    return shown;
  };

  function options({ series, clock }: ChartData, kind: Kind, width: number): UPlot.Options {
    return {
      width,
      height: heightPx(),
      ms: 1,
      tzDate: (ms) => UPlot.tzDate(new Date(ms), clock.timeZone),
      legend: { show: false },
      padding: [12, 36, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === 'lines' } },
      scales: {
        x: { range: () => extent(current().windows) },
        y: { range: (_plot, least, most) => (kind === 'stack' ? stackBounds(current()) : bounds(kind, least, most)) },
      },
      axes: [
        axis({ space: 84, values: (_plot, splits) => timeLabels(splits, clock) }),
        axis({
          size: (_plot, values) => labelWidth(values ?? []),
          values: (_plot, splits) => splits.map(shortNumber),
        }),
      ],
      series: [
        {},
        ...series.map(({ label, place: color }, i): UPlot.Series => {
          const stroke = () => themeColor(colorName(color));
          if (kind !== 'lines') return { label, points: { show: false }, paths: (self) => bars(self, kind, i) };
          return {
            label,
            stroke,
            width: 2,
            spanGaps: false,
            points: { show: current().windows.length < 80, size: 5, fill: stroke },
          };
        }),
      ],
      hooks: {
        drawAxes: [(self) => kind === 'lines' && hatchOpen(self)],
        draw: [drawWatermark],
        setCursor: [({ cursor: { idx, left = -1 } }) => onPoint(left < 0 || idx === null ? undefined : idx)],
      },
    };
  }

  /** The bars of one series: side by side with the others in a window's place, or on top of those before it. */
  function bars(self: UPlot, kind: 'bars' | 'stack', index: number): null {
    const { windows, series } = current();
    const { ctx } = self;
    const color = themeColor(colorName(series[index]?.place));
    const pattern = hatch(ctx, color);
    const sideBySide = kind === 'bars' ? series.length : 1;
    ctx.save();
    clip(self);
    ctx.strokeStyle = color;
    ctx.lineWidth = devicePixelRatio;
    for (const [i, { start, end, status }] of windows.entries()) {
      const value = series[index]?.values[i];
      if (value === null || value === undefined) continue;
      const below = kind === 'bars' ? 0 : sumBelow(series, index, i);
      const [left, right] = [self.valToPos(start, 'x', true), self.valToPos(end, 'x', true)];
      const gap = Math.min(6 * devicePixelRatio, (right - left) * 0.18);
      const width = Math.max(devicePixelRatio, (right - left - gap) / sideBySide);
      const between = kind === 'stack' ? 0 : Math.min(devicePixelRatio, width * 0.15);
      const x = left + gap / 2 + (kind === 'bars' ? index * width : 0);
      const [from, to] = [self.valToPos(below, 'y', true), self.valToPos(below + value, 'y', true)];
      ctx.fillStyle = status === 'final' ? color : pattern;
      ctx.fillRect(x, Math.min(from, to), width - between, Math.abs(from - to));
      if (status !== 'final')
        ctx.strokeRect(x + 0.5, Math.min(from, to), Math.max(0, width - between - 1), Math.abs(from - to));
    }
    ctx.restore();
    return null;
  }

  /** Hatches the stretch of the windows that are not final, behind lines. */
  function hatchOpen(self: UPlot): void {
    const { ctx, bbox } = self;
    ctx.save();
    clip(self);
    ctx.fillStyle = hatch(ctx, themeColor('--hatch'));
    for (const { start, end, status } of current().windows) {
      if (status === 'final') continue;
      const left = self.valToPos(start, 'x', true);
      ctx.fillRect(left, bbox.top, self.valToPos(end, 'x', true) - left, bbox.height);
    }
    ctx.restore();
  }

  function drawWatermark(self: UPlot): void {
    const { watermark, windows } = current();
    const [first, last] = extent(windows);
    if (watermark === null || watermark < first || watermark > last) return;
    const { ctx, bbox } = self;
    const x = Math.round(self.valToPos(watermark, 'x', true));
    ctx.save();
    ctx.strokeStyle = themeColor('--accent');
    ctx.fillStyle = themeColor('--accent');
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.font = `600 ${11 * devicePixelRatio}px system-ui, sans-serif`;
    const isRight = x > bbox.left + bbox.width / 2;
    ctx.textAlign = isRight ? 'right' : 'left';
    ctx.fillText('watermark', x + (isRight ? -5 : 5) * devicePixelRatio, bbox.top - 2 * devicePixelRatio);
    ctx.restore();
  }

  new ResizeObserver(() => {
    if (plot === undefined || shown === undefined) return;
    if (plot.width === place.clientWidth) return;
    draw(shown);
    plot.setSize({ width: Math.max(200, place.clientWidth), height: heightPx() });
  }).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot?.redraw(false));

  return {
    draw,
    point(index) {
      if (plot === undefined) return;
      const at = index === undefined ? undefined : placesOf(current().windows)[index];
      const left = at === undefined ? -10 : plot.valToPos(at, 'x');
      plot.setCursor({ left, top: at === undefined ? -10 : 0 }, false);
    },
  };
}

function kindOf({ windows, series, form }: ChartData, width: number): Kind {
  const isStacked = form === 'stack' || (form === 'auto' && series.some(({ place }) => place === undefined));
  // Parts below zero would lie over those above.
  if (isStacked && series.every(({ values }) => values.every((value) => value === null || value >= 0))) return 'stack';
  if (form === 'lines') return 'lines';
  const roomPx = (width - 60) / Math.max(1, windows.length * series.length);
  return series.length <= fewKeys && roomPx >= leastBarPx ? 'bars' : 'lines';
}

/** The sum of the series below one, at a window. */
function sumBelow(series: readonly Series[], index: number, window: number): number {
  return series.slice(0, index).reduce((sum, { values }) => sum + (values[window] ?? 0), 0);
}

function stackBounds({ windows, series }: ChartData): [number, number] {
  const most = Math.max(0, ...windows.map((_, i) => sumBelow(series, series.length, i)));
  return [0, most * 1.05 || 1];
}

function clip({ ctx, bbox }: UPlot): void {
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
}

const middle = ({ start, end }: ShownWindow) => (start + end) / 2;

/**
 * The places of windows on the axis: their middles. Where these are in another order, as those of sessions may be,
 * their starts. uPlot wants them ascending.
 */
function placesOf(windows: readonly ShownWindow[]): number[] {
  const middles = windows.map(middle);
  const isAscending = middles.every((place, i) => i === 0 || place >= (middles[i - 1] ?? place));
  return isAscending ? middles : windows.map(({ start }) => start);
}

function dataOf({ windows, series }: ChartData): UPlot.AlignedData {
  return [placesOf(windows), ...series.map(({ values }) => [...values])];
}

/** The stretch of time of some windows; there is at least one. */
function extent(windows: readonly ShownWindow[]): [number, number] {
  return [windows[0]?.start ?? 0, Math.max(...windows.map(({ end }) => end))];
}

/** The bounds of the value axis. Bars stand on zero; lines do too unless all are far from it. */
function bounds(kind: Kind, least: number | null, most: number | null): [number, number] {
  const [low, high] = [least ?? 0, most ?? 1];
  const isFar = kind === 'lines' && (low > 0 ? high - low < low / 2 : high < 0);
  if (isFar) return UPlot.rangeNum(low, high, 0.1, false) as [number, number];
  const span = Math.max(high, 0) - Math.min(low, 0) || 1;
  return [low < 0 ? low - span * 0.05 : 0, high > 0 ? high + span * 0.05 : 0];
}

function axis(own: UPlot.Axis): UPlot.Axis {
  const grid = { stroke: () => themeColor('--line'), width: 1 };
  return {
    stroke: () => themeColor('--muted'),
    font: '12px system-ui, sans-serif',
    grid,
    ticks: { ...grid, size: 4 },
    ...own,
  };
}

/** The width of the axis, enough for the longest label. */
function labelWidth(values: readonly string[]): number {
  return 16 + 7 * Math.max(3, ...values.map((value) => value.length));
}

/**
 * The labels of the time axis: the day where a day begins, and at the first label; otherwise the time of day. Where all
 * are midnights, days alone.
 */
function timeLabels(splits: readonly number[], clock: ZoneClock): string[] {
  const clocks = splits.map((ms) => clock.clock(ms));
  const isDays = clocks.every((shown) => shown === '00:00');
  let day = '';
  return splits.map((ms, i) => {
    const date = clock.day(ms);
    const isNew = date !== day;
    day = date;
    if (isDays) return date;
    return isNew ? `${clocks[i]}\n${date}` : (clocks[i] ?? '');
  });
}
