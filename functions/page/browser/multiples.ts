import UPlot from 'uplot';
import type { ShownWindow } from './api.ts';
import { element } from './dom.ts';
import { numberText } from './format.ts';
import { type KeyTotal, seriesOfEach } from './keys.ts';
import { themeColor } from './theme.ts';

/** Most keys that have a chart of their own; of more, a search finds the others. */
const mostCharts = 24;
const heightPx = 64;

/** A chart that is drawn, with its key. */
interface Drawn {
  readonly item: HTMLElement;
  readonly place: HTMLElement;
  readonly total: HTMLElement;
  readonly plot: UPlot;
}

/** What small multiples are of. */
export interface MultiplesData {
  readonly windows: readonly ShownWindow[];
  readonly aggregate: string;
  /** In the order in which they are drawn. */
  readonly keys: readonly KeyTotal[];
}

/** Small charts of one key each, all to one scale. @returns draws them */
export function createMultiples(list: HTMLElement, note: HTMLElement): (data: MultiplesData | undefined) => void {
  const drawn = new Map<string, Drawn>();
  let most = 1;
  let least = 0;

  function add(label: string): Drawn {
    const place = element('div', { class: 'small-chart', 'aria-hidden': 'true' });
    const total = element('span', { class: 'number' });
    const head = element('p', {}, element('span', { class: 'label', title: label }, label), total);
    const item = element('li', {}, head, place);
    list.append(item);
    const plot = new UPlot(options(Math.max(80, place.clientWidth)), [[], []], place);
    return { item, place, total, plot };
  }

  const options = (width: number): UPlot.Options => ({
    width,
    height: heightPx,
    ms: 1,
    legend: { show: false },
    cursor: { show: false },
    padding: [4, 1, 1, 1],
    scales: { x: { time: true }, y: { range: () => [least, most] } },
    axes: [{ show: false }, { show: false }],
    series: [
      {},
      {
        stroke: () => themeColor('--series-1'),
        fill: () => themeColor('--accent-soft'),
        width: 1.5,
        points: { show: false },
      },
    ],
  });

  new ResizeObserver(() => {
    for (const { place, plot } of drawn.values())
      if (plot.width !== place.clientWidth && place.clientWidth > 0)
        plot.setSize({ width: place.clientWidth, height: heightPx });
  }).observe(list);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const { plot } of drawn.values()) plot.redraw(false);
  });

  return (data) => {
    list.hidden = data === undefined;
    note.hidden = data === undefined || data.keys.length <= mostCharts;
    if (data === undefined) return;
    const { windows, aggregate, keys } = data;
    const shown = keys.slice(0, mostCharts);
    note.textContent = `${shown.length} of ${numberText(keys.length)} keys: search or pin the others below.`;
    const series = seriesOfEach(windows, aggregate, shown);
    const values = series.flatMap((one) => one.values.filter((value) => value !== null));
    [least, most] = [Math.min(0, ...values), Math.max(0, ...values) * 1.05 || 1];
    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, { item, plot }] of drawn) {
      if (wanted.has(id)) continue;
      plot.destroy();
      item.remove();
      drawn.delete(id);
    }
    const starts = windows.map(({ start }) => start);
    for (const [i, { id, label, total }] of shown.entries()) {
      const found = drawn.get(id) ?? add(label);
      drawn.set(id, found);
      found.total.textContent = total === null ? '–' : numberText(total);
      found.plot.setData([starts, [...(series[i]?.values ?? [])]]);
      // In the order of the keys, without taking out what is in its place.
      if (list.children[i] !== found.item) list.insertBefore(found.item, list.children[i] ?? null);
    }
  };
}
