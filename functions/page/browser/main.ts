import { apiBase, asker, Refused } from './api.ts';
import { createChartCard } from './chart-card.ts';
import { drawConnection } from './connection.ts';
import { drawConservation } from './conservation.ts';
import { byId, element, replace } from './dom.ts';
import { drawGuide } from './empty.ts';
import { createFeed } from './feed.ts';
import { numberText } from './format.ts';
import { guideOf } from './guide.ts';
import { keepHistory, keptHistory, nothingSeen, sampleOf, seen, wholeHistory } from './history.ts';
import { createHistory } from './history-charts.ts';
import { createKeyList, keysShown } from './key-list.ts';
import { keysOf } from './keys.ts';
import { load, type Snapshot } from './load.ts';
import { drawOperations } from './operations.ts';
import { createPickers, shownZone } from './pickers.ts';
import { startPolling } from './poll.ts';
import { drawSinks } from './sinks.ts';
import { createTable } from './table.ts';
import { drawTiles } from './tiles.ts';
import { hasRange, isAdditive, readView, shownAggregate, type View, windowsAsked, writeView } from './view.ts';
import { drawWatermark } from './watermark.ts';
import { viewersZone, zoneClock } from './zone-clock.ts';

const notice = byId('notice', HTMLElement);
const refusals = byId('refusals', HTMLElement);
const empty = byId('empty', HTMLElement);

let view = readView(location.search);
let snapshot: Snapshot | undefined;
/** The set of windows that the snapshot is of. */
let snapshotOf: string | undefined;

const base = apiBase(location);
byId('api-link', HTMLAnchorElement).href = `${base}queries`;
byId('readout', HTMLElement).textContent = `Waiting for the API at ${base}`;
byId('zones', HTMLElement).textContent =
  `Event times are on the clock that is picked above. Everything else is on yours, ${viewersZone}.`;

const store = tabStore();
/** What this page has seen of a pipeline, which a reload goes on with. */
let history = nothingSeen;

const viewer = zoneClock(viewersZone);
const drawPickers = createPickers((change) => pick(change, 'push'));
const drawTable = createTable((sort) => pick({ sort }, 'replace'));
const drawFeed = createFeed(byId('feed', HTMLElement), byId('reasons', HTMLElement), viewer);
const drawKeyList = createKeyList((change) => pick(change, 'replace'));
const drawHistory = createHistory();
const chartCard = createChartCard();
const filter = byId('filter', HTMLInputElement);
filter.value = view.filter;
filter.addEventListener('input', () => pick({ filter: filter.value }, 'replace'));

/**
 * Changes the view and the address. Typing does not fill the history. The back button undoes the choice of another set
 * of windows.
 */
function pick(change: Partial<View>, how: 'push' | 'replace'): void {
  const next = { ...view, ...change };
  const search = writeView(next);
  const address = search === '' ? location.pathname : `?${search}`;
  if (how === 'push') window.history.pushState(null, '', address);
  else window.history.replaceState(null, '', address);
  show(next);
}

addEventListener('popstate', () => {
  const next = readView(location.search);
  filter.value = next.filter;
  show(next);
});

function show(next: View): void {
  const other = windowsAsked(view) !== windowsAsked(next);
  view = next;
  if (other) {
    chartCard.forgetPoint();
    poll.again();
  } else draw();
}

function draw(): void {
  if (snapshot === undefined) return;
  const { pipeline, queries, query, windows, totals, watermark, conservation, events, surroundings, at } = snapshot;
  const { pins, find, form } = view;
  const aggregate = shownAggregate(query, view);
  const clock = zoneClock(shownZone(query, view));
  document.title = `${pipeline} · Tidemark`;
  byId('pipeline', HTMLElement).textContent = pipeline;
  drawPickers(view, queries, query);
  drawTiles(snapshot, clock);
  drawRefusals(watermark.refusals);
  drawEmpty(snapshot);
  const keys = keysOf(windows, { aggregate, isAdditive: isAdditive(query, aggregate), totals, pins });
  const each = form === 'each' ? keysShown(keys, pins, find) : [];
  chartCard.draw({ windows, aggregate, keys, each, form, clock, watermark: watermark.watermark });
  drawKeyList({ keys, aggregate, windows: windows.length, pins, find });
  drawHistory({
    points: wholeHistory(history, surroundings.measured, at),
    isMeasured: (surroundings.measured?.source ?? null) !== null,
    now: at,
    clock: viewer,
  });
  drawWatermark(byId('watermark', HTMLElement), watermark, clock);
  drawConservation(byId('conservation', HTMLElement), conservation);
  byId('sinks-card', HTMLElement).hidden = surroundings.sinks.length === 0;
  drawSinks(byId('sinks', HTMLElement), surroundings.sinks, { windows: clock, viewer, now: at });
  drawOperations(byId('operations', HTMLElement), surroundings.operations, { viewer, now: at });
  drawTable({ query, windows, filter: view.filter, sort: view.sort, clock });
  drawFeed(events);
}

/** Why nothing is counted: the pipeline does not fit what is kept of its queries. */
function drawRefusals(messages: readonly string[]): void {
  refusals.hidden = messages.length === 0;
  replace(
    refusals,
    ...(messages.length === 0
      ? []
      : [element('strong', {}, 'Nothing is counted: the pipeline does not fit its state.')]),
    ...messages.map((message) => element('p', {}, message)),
  );
}

/** What there is to do where the chart has nothing to show. */
function drawEmpty({ windows, conservation, surroundings }: Snapshot): void {
  empty.hidden = windows.length > 0;
  if (windows.length > 0) {
    empty.replaceChildren();
    return;
  }
  const { received, late, rejected, filtered } = conservation;
  if (received === 0) drawGuide(empty, guideOf(surroundings.health));
  else if (hasRange(view) || view.span !== undefined) {
    const newest = element('button', { type: 'button' }, 'Show the newest windows');
    replace(empty, element('p', {}, 'No window starts in this range. '), newest);
    for (const button of empty.querySelectorAll('button'))
      button.onclick = () => pick({ from: undefined, to: undefined, span: undefined }, 'push');
  } else {
    const others = `${numberText(late)} late, ${numberText(rejected)} rejected, ${numberText(filtered)} filtered`;
    const text = `${numberText(received)} events came, and this query has no window of them: ${others}.`;
    replace(empty, element('p', {}, text));
  }
}

const poll = startPolling(
  async (signal) => {
    const wanted = view;
    const before = snapshot !== undefined && snapshotOf === windowsAsked(wanted) ? snapshot : undefined;
    try {
      const found = await load(asker(base, signal), wanted, before, Date.now);
      if (signal.aborted) return false;
      const isNew =
        found.conservation.received !== snapshot?.conservation.received ||
        found.watermark.watermark !== snapshot.watermark.watermark;
      const name = `${base} ${found.pipeline}`;
      const known = found.pipeline === snapshot?.pipeline ? history : keptHistory(store, name);
      history = seen(known, sampleOf(found.at, found.conservation, found.watermark));
      keepHistory(store, name, history);
      snapshot = found;
      snapshotOf = windowsAsked(wanted);
      notice.hidden = true;
      document.body.classList.remove('waiting', 'refused');
      byId('main', HTMLElement).removeAttribute('aria-busy');
      draw();
      return isNew;
    } catch (error) {
      if (signal.aborted) return false;
      if (!(error instanceof Refused)) throw error;
      notice.replaceChildren(`${error.message} `, element('a', { href: location.pathname }, 'Show the first query'));
      notice.hidden = false;
      document.body.classList.toggle('refused', snapshot === undefined);
      return false;
    }
  },
  (state) => drawConnection(state, snapshot?.at),
);

/** The storage of this tab; undefined where the browser keeps none. */
function tabStore(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
