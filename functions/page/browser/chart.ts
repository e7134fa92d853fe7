import UPlot from 'uplot';
import type { ShownWindow } from './api.ts';
import { formatTime, numberText } from './format.ts';
import type { Series } from './keys.ts';
import { hatch, themeColor } from './theme.ts';

/** The data that the chart draws. */
export interface ChartData {
  readonly windows: readonly ShownWindow[];
  /** The shown series, each with its place in the palette. */
  readonly series: readonly (Series & { readonly place: number })[];
  /** The watermark, epoch ms; null before there is one. */
  readonly watermark: number | null;
}

export interface Chart {
  draw(data: ChartData): void;
  /** Moves the cursor to a window; undefined: to none. */
  point(index: number | undefined): void;
}

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
  let shown: ChartData = { windows: [], series: [], watermark: null };
  let form = '';

  function draw(data: ChartData): void {
    shown = data;
    const { windows, series } = data;
    const width = Math.max(200, place.clientWidth);
    const kind = kindOf(windows.length, series.length, width);
    // The series of a uPlot chart are fixed once it is made.
    const wanted = `${kind} ${series.map(({ id, place: color }) => `${color}${id}`).join()}`;
    if (plot === undefined || wanted !== form) {
      plot?.destroy();
      plot = new UPlot(options(kind, width), dataOf(data), place);
      form = wanted;
      return;
    }
    plot.setData(dataOf(data));
  }

  function options(kind: 'bars' | 'lines', width: number): UPlot.Options {
    const { series } = shown;
    return {
      width,
      height: heightPx(),
      ms: 1,
      tzDate: (ms) => UPlot.tzDate(new Date(ms), 'Etc/UTC'),
      legend: { show: false },
      padding: [12, 36, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === 'lines' } },
      scales: {
        x: { range: () => extent(shown.windows) },
        y: { range: (_plot, least, most) => bounds(kind, least, most) },
      },
      axes: [
        axis({ space: 70, values: timeLabels }),
        axis({
          size: (_plot, values) => labelWidth(values ?? []),
          values: (_plot, splits) => splits.map(numberText),
        }),
      ],
      series: [
        {},
        ...series.map(({ label, place: color }, i): UPlot.Series => {
          const stroke = () => themeColor(`--series-${color + 1}`);
          if (kind === 'bars') return { label, points: { show: false }, paths: (self) => bars(self, i) };
          return {
            label,
            stroke,
            width: 2,
            spanGaps: false,
            points: { show: shown.windows.length < 80, size: 5, fill: stroke },
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

  /** The bars of one series; a window's place is shared out among the series. */
  function bars(self: UPlot, index: number): null {
    const { windows, series } = shown;
    const { ctx } = self;
    const color = themeColor(`--series-${(series[index]?.place ?? 0) + 1}`);
    const pattern = hatch(ctx, color);
    const zero = self.valToPos(0, 'y', true);
    ctx.save();
    clip(self);
    ctx.strokeStyle = color;
    ctx.lineWidth = devicePixelRatio;
    for (const [i, { start, end, status }] of windows.entries()) {
      const value = series[index]?.values[i];
      if (value === null || value === undefined) continue;
      const [left, right] = [self.valToPos(start, 'x', true), self.valToPos(end, 'x', true)];
      const gap = Math.min(6 * devicePixelRatio, (right - left) * 0.18);
      const width = (right - left - gap) / series.length;
      const between = Math.min(devicePixelRatio, width * 0.15);
      const x = left + gap / 2 + index * width;
      const top = self.valToPos(value, 'y', true);
      ctx.fillStyle = status === 'final' ? color : pattern;
      ctx.fillRect(x, Math.min(top, zero), width - between, Math.abs(zero - top));
      if (status !== 'final')
        ctx.strokeRect(x + 0.5, Math.min(top, zero), Math.max(0, width - between - 1), Math.abs(zero - top));
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
    for (const { start, end, status } of shown.windows) {
      if (status === 'final') continue;
      const left = self.valToPos(start, 'x', true);
      ctx.fillRect(left, bbox.top, self.valToPos(end, 'x', true) - left, bbox.height);
    }
    ctx.restore();
  }

  function drawWatermark(self: UPlot): void {
    const { watermark, windows } = shown;
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
    if (plot === undefined) return;
    if (plot.width === place.clientWidth) return;
    draw(shown);
    plot.setSize({ width: Math.max(200, place.clientWidth), height: heightPx() });
  }).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot?.redraw(false));

  return {
    draw,
    point(index) {
      const window = index === undefined ? undefined : shown.windows[index];
      if (plot === undefined) return;
      const left = window === undefined ? -10 : plot.valToPos(placesOf(shown.windows)[index ?? 0] ?? 0, 'x');
      plot.setCursor({ left, top: window === undefined ? -10 : 0 }, false);
    },
  };
}

function kindOf(windows: number, series: number, width: number): 'bars' | 'lines' {
  return series <= fewKeys && (width - 60) / Math.max(1, windows * series) >= leastBarPx ? 'bars' : 'lines';
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

function extent(windows: readonly ShownWindow[]): [number, number] {
  const [first] = windows;
  return first === undefined ? [0, 1] : [first.start, Math.max(...windows.map(({ end }) => end))];
}

/** The bounds of the value axis. Bars stand on zero; lines do too unless all are far from it. */
function bounds(kind: 'bars' | 'lines', least: number | null, most: number | null): [number, number] {
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

/** The labels of the time axis: the day where a day begins, and at the first label; otherwise the time of day. */
function timeLabels(_plot: UPlot, splits: number[]): string[] {
  let day = '';
  return splits.map((ms) => {
    const [date = '', clock = ''] = formatTime(ms).split(' ');
    const isNew = date !== day;
    day = date;
    return isNew ? `${clock === '00:00' ? '' : `${clock}\n`}${date}` : clock;
  });
}
