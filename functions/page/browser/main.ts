import { apiBase, asker, Refused } from './api.ts';
import { createChart } from './chart.ts';
import { drawConservation } from './conservation.ts';
import { byId, element, replace, toggle } from './dom.ts';
import { createFeed, replaceButtons } from './feed.ts';
import { formatClock, formatMoment, formatShard, formatShare, formatWindow, numberText } from './format.ts';
import { seriesColor, seriesOf } from './keys.ts';
import { load, type Snapshot } from './load.ts';
import { createPickers } from './pickers.ts';
import { type PollState, startPolling } from './poll.ts';
import { createTable } from './table.ts';
import { drawTotals } from './totals.ts';
import { asksOther, readView, shownAggregate, type View, writeView } from './view.ts';
import { drawWatermark } from './watermark.ts';

const chartPlace = byId('chart', HTMLElement);
const notice = byId('notice', HTMLElement);
const connection = byId('connection', HTMLElement);

let view = readView(location.search);
let snapshot: Snapshot | undefined;
/** The set of windows that the snapshot is of. */
let snapshotOf: string | undefined;
/** Keys that were switched off in the chart. */
const hidden = new Set<string>();
/** The window that is read out: the one under the pointer, or the newest. */
let pointed: number | undefined;

const base = apiBase(location);
byId('api-link', HTMLAnchorElement).href = `${base}queries`;

const drawPickers = createPickers((change) => pick(change, 'push'));
const drawTable = createTable((sort) => pick({ sort }, 'replace'));
const drawFeed = createFeed(byId('feed', HTMLElement), byId('reasons', HTMLElement));
const chart = createChart(chartPlace, (index) => {
  if (index === pointed) return;
  pointed = index;
  drawReadout();
});
const filter = byId('filter', HTMLInputElement);
filter.value = view.filter;
filter.addEventListener('input', () => pick({ filter: filter.value }, 'replace'));

/**
 * Changes the view and the address. Typing does not fill the history. The back button undoes the choice of another set
 * of windows.
 */
function pick(change: Partial<View>, history: 'push' | 'replace'): void {
  const next = { ...view, ...change };
  const search = writeView(next);
  const address = search === '' ? location.pathname : `?${search}`;
  if (history === 'push') window.history.pushState(null, '', address);
  else window.history.replaceState(null, '', address);
  show(next);
}

addEventListener('popstate', () => {
  const next = readView(location.search);
  filter.value = next.filter;
  show(next);
});

function show(next: View): void {
  const other = asksOther(view, next);
  view = next;
  if (other) {
    pointed = undefined;
    poll.again();
  } else draw();
}

function draw(): void {
  if (snapshot === undefined) return;
  const { pipeline, queries, query, windows, totals, watermark, conservation, events } = snapshot;
  const aggregate = shownAggregate(query, view);
  document.title = `${pipeline} · Tidemark`;
  byId('pipeline', HTMLElement).textContent = pipeline;
  drawPickers(view, queries, query);
  drawTiles(snapshot);
  drawChart(snapshot, aggregate);
  const places = new Map(seriesOf(windows, aggregate).series.map(({ id }, place) => [id, place]));
  drawTotals(byId('totals', HTMLElement), totals, aggregate, windows.length, ({ key }) =>
    places.get(JSON.stringify(key)),
  );
  drawWatermark(byId('watermark', HTMLElement), watermark);
  drawConservation(byId('conservation', HTMLElement), conservation);
  drawTable({ query, windows, filter: view.filter, sort: view.sort });
  drawFeed(events);
}

function drawTiles({ windows, watermark, conservation, receivedPerSecond }: Snapshot): void {
  const { received, late, rejected } = conservation;
  const open = windows.filter(({ status }) => status !== 'final').length;
  const rate = receivedPerSecond === undefined ? ' ' : `${numberText(Math.round(receivedPerSecond))} a second`;
  const holder = watermark.heldBy === null ? 'nothing holds it back' : `held back by ${formatShard(watermark.heldBy)}`;
  const tiles = [
    ['Watermark', watermark.watermark === null ? 'none yet' : formatMoment(watermark.watermark), holder],
    ['Received', numberText(received), rate],
    [
      'Windows shown',
      numberText(windows.length),
      `${numberText(open)} open, ${numberText(windows.length - open)} final`,
    ],
    ['Late and rejected', numberText(late + rejected), `${formatShare(late + rejected, received)} of all events`],
  ] as const;
  replace(
    byId('tiles', HTMLElement),
    ...tiles.map(([name, value, detail]) =>
      element('div', {}, element('dt', {}, name), element('dd', { class: 'value' }, value), element('dd', {}, detail)),
    ),
  );
}

function drawChart({ windows, watermark }: Snapshot, aggregate: string): void {
  const { series, keys } = seriesOf(windows, aggregate);
  const placed = series.map((one, place) => ({ ...one, place }));
  const more = keys > series.length ? `, the greatest ${series.length} of ${numberText(keys)} keys` : '';
  byId('chart-title', HTMLElement).textContent = `${aggregate} by window${more}`;
  const buttons = placed.map(({ id, label, place }) => {
    const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
    swatch.style.background = seriesColor(place);
    return toggle(!hidden.has(id), () => flip(id), swatch, label);
  });
  replaceButtons(byId('legend', HTMLElement), buttons);
  chart.draw({ windows, series: placed.filter(({ id }) => !hidden.has(id)), watermark: watermark.watermark });
  drawReadout();
}

function flip(id: string): void {
  if (!hidden.delete(id)) hidden.add(id);
  draw();
}

/** Draws the values of the chart at one window, for eyes and for screen readers. */
function drawReadout(): void {
  if (snapshot === undefined) return;
  const { windows, query } = snapshot;
  const at = Math.min(pointed ?? windows.length - 1, windows.length - 1);
  const window = windows[at];
  const aggregate = shownAggregate(query, view);
  const { series } = seriesOf(windows, aggregate);
  const values = series.map(({ label, values: all }) => `${label} ${formatMaybe(all[at])}`);
  const text =
    window === undefined
      ? 'No windows yet: events make them.'
      : [formatWindow(window.start, window.end), window.status, ...values].join(' · ');
  byId('readout', HTMLElement).textContent = text;
  chartPlace.setAttribute('aria-valuemax', String(Math.max(0, windows.length - 1)));
  chartPlace.setAttribute('aria-valuenow', String(Math.max(0, at)));
  chartPlace.setAttribute('aria-valuetext', text);
}

function formatMaybe(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : numberText(value);
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

chartPlace.addEventListener('keydown', (event) => {
  const step = steps[event.key];
  const last = (snapshot?.windows.length ?? 0) - 1;
  if (step === undefined || last < 0) return;
  event.preventDefault();
  const index = Math.min(last, Math.max(0, (pointed ?? last) + step));
  chart.point(index);
  pointed = index;
  drawReadout();
});
chartPlace.addEventListener('blur', () => {
  chart.point(undefined);
  pointed = undefined;
  drawReadout();
});

const poll = startPolling(async (signal) => {
  const wanted = view;
  const before = snapshot !== undefined && snapshotOf === viewId(wanted) ? snapshot : undefined;
  try {
    const found = await load(asker(base, signal), wanted, before, Date.now);
    if (signal.aborted) return false;
    const isNew =
      found.conservation.received !== snapshot?.conservation.received ||
      found.watermark.watermark !== snapshot.watermark.watermark;
    snapshot = found;
    snapshotOf = viewId(wanted);
    notice.hidden = true;
    draw();
    return isNew;
  } catch (error) {
    if (signal.aborted) return false;
    if (!(error instanceof Refused)) throw error;
    notice.textContent = error.message;
    notice.hidden = false;
    return false;
  }
}, drawConnection);

function viewId({ query, last, from, to }: View): string {
  return JSON.stringify([query, last, from, to]);
}

function drawConnection({ failures, nextAt }: PollState): void {
  const isAway = failures > 0;
  connection.classList.toggle('away', isAway);
  connection.classList.toggle('live', !isAway);
  document.body.classList.toggle('stale', isAway && snapshot !== undefined);
  const known = snapshot === undefined ? '' : `; this is of ${formatClock(Math.floor(snapshot.at / 1000) * 1000)}`;
  const text = isAway
    ? `The API does not answer${known}. Trying again ${failures === 1 ? 'now' : `every ${Math.ceil((nextAt - Date.now()) / 1000)} s`}`
    : 'Live';
  const place = byId('connection-text', HTMLElement);
  if (place.textContent !== text) place.textContent = text;
}
