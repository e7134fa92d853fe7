import type { ShownWindow } from './api.ts';
import { createChart } from './chart.ts';
import { byId, element, toggle } from './dom.ts';
import { replaceButtons } from './feed.ts';
import { numberText } from './format.ts';
import { type Keys, type KeyTotal, type Series, seriesColor } from './keys.ts';
import { createMultiples } from './multiples.ts';
import type { Form } from './view.ts';
import { viewersZone, type ZoneClock, zoneClock } from './zone-clock.ts';

/** What the card of the chart is of. */
export interface ChartCardData {
  readonly windows: readonly ShownWindow[];
  readonly aggregate: string;
  readonly keys: Keys;
  /** The keys that have a chart each, where the form is `each`. */
  readonly each: readonly KeyTotal[];
  readonly form: Form;
  readonly clock: ZoneClock;
  /** Epoch ms; null before there is one. */
  readonly watermark: number | null;
}

/** The number of windows that each key moves by. Home and End reach the ends. */
const steps: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/** The card with the chart: its legend, what it reads at one window, and the arrow keys. */
export function createChartCard(): { draw(data: ChartCardData): void; forgetPoint(): void } {
  const place = byId('chart', HTMLElement);
  const readout = byId('readout', HTMLElement);
  const legend = byId('legend', HTMLElement);
  const drawMultiples = createMultiples(byId('multiples', HTMLElement), byId('multiples-said', HTMLElement));
  /** Keys that were switched off in the chart. */
  const hidden = new Set<string>();
  let shown: ChartCardData | undefined;
  /** The window that is read out: the one under the pointer, or the newest. */
  let pointed: number | undefined;
  const chart = createChart(place, (index) => {
    if (index === pointed) return;
    pointed = index;
    drawReadout();
  });

  function draw(data: ChartCardData): void {
    shown = data;
    const { windows, aggregate, keys, each, form, clock, watermark } = data;
    const { series } = keys;
    const own = series.filter(({ place: color }) => color !== undefined).length;
    const more =
      form !== 'each' && keys.all.length > own ? `, ${numberText(own)} of ${numberText(keys.all.length)} keys` : '';
    byId('chart-title', HTMLElement).textContent = `${aggregate} by window${more}`;
    const isEach = form === 'each';
    place.hidden = isEach || windows.length === 0;
    byId('chart-help', HTMLElement).hidden = place.hidden;
    readout.hidden = isEach || windows.length === 0;
    legend.hidden = isEach;
    drawMultiples(isEach && windows.length > 0 ? { windows, aggregate, keys: each } : undefined);
    // Lines of single keys would lie flat below the one of all others.
    const wanted = form === 'lines' ? series.filter(({ place: color }) => color !== undefined) : series;
    replaceButtons(legend, wanted.map(buttonOf));
    const visible = wanted.filter(({ id }) => !hidden.has(id));
    if (!isEach) chart.draw({ windows, series: visible, form, clock, watermark });
    drawReadout();
  }

  function buttonOf({ id, label, place: color }: Series): HTMLLIElement {
    const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
    swatch.style.background = seriesColor(color);
    return toggle(!hidden.has(id), () => flip(id), swatch, label);
  }

  function flip(id: string): void {
    if (!hidden.delete(id)) hidden.add(id);
    if (shown !== undefined) draw(shown);
  }

  /** Draws the values of the chart at one window, for eyes and for screen readers. */
  function drawReadout(): void {
    if (shown === undefined) return;
    const { windows, keys, clock } = shown;
    const at = Math.min(pointed ?? windows.length - 1, windows.length - 1);
    const window = windows[at];
    const values = keys.series.map(({ label, values: all }) => `${label} ${formatMaybe(all[at])}`);
    const text =
      window === undefined
        ? 'No windows yet: events make them.'
        : [clock.window(window.start, window.end), window.status, ...values].join(' · ');
    readout.textContent = text;
    if (window !== undefined && clock.timeZone !== viewersZone) {
      const yours = zoneClock(viewersZone).window(window.start, window.end);
      readout.append(element('small', {}, ` · yours: ${yours}`));
    }
    place.setAttribute('aria-valuemax', String(Math.max(0, windows.length - 1)));
    place.setAttribute('aria-valuenow', String(Math.max(0, at)));
    place.setAttribute('aria-valuetext', text);
  }

  place.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    const last = (shown?.windows.length ?? 0) - 1;
    if (step === undefined || last < 0) return;
    event.preventDefault();
    const index = Math.min(last, Math.max(0, (pointed ?? last) + step));
    chart.point(index);
    pointed = index;
    drawReadout();
  });
  place.addEventListener('blur', () => {
    chart.point(undefined);
    pointed = undefined;
    drawReadout();
  });

  return {
    draw,
    forgetPoint() {
      pointed = undefined;
    },
  };
}

function formatMaybe(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : numberText(value);
}
