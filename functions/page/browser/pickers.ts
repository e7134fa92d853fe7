import type { ShownQuery } from './api.ts';
import { byId, element, replace } from './dom.ts';
import { type Form, hasRange, lasts, shownAggregate, spans, type View, type ZoneChoice } from './view.ts';
import { viewersZone, type ZoneClock, zoneClock } from './zone-clock.ts';

const formLabels: Readonly<Record<Form, string>> = {
  auto: 'as fits',
  lines: 'lines',
  stack: 'stacked',
  each: 'one for each key',
};

/** The zone that a view shows event times in. */
export function shownZone({ timeZone }: ShownQuery, { zone }: View): string {
  const zones: Readonly<Record<ZoneChoice, string>> = { query: timeZone, utc: 'UTC', yours: viewersZone };
  return zones[zone];
}

/** The pickers. They show the view, and a choice in them becomes a change of it. */
export function createPickers(
  onPick: (change: Partial<View>) => void,
): (view: View, queries: readonly ShownQuery[], query: ShownQuery) => void {
  const querySelect = byId('query', HTMLSelectElement);
  const aggregateSelect = byId('aggregate', HTMLSelectElement);
  const rangeSelect = byId('range', HTMLSelectElement);
  const formSelect = byId('form', HTMLSelectElement);
  const zoneSelect = byId('zone', HTMLSelectElement);
  const between = byId('between', HTMLElement);
  const fromInput = byId('from', HTMLInputElement);
  const toInput = byId('to', HTMLInputElement);
  let clock = zoneClock('UTC');

  querySelect.addEventListener('change', () => onPick({ query: querySelect.value, aggregate: undefined, pins: [] }));
  aggregateSelect.addEventListener('change', () => onPick({ aggregate: aggregateSelect.value }));
  formSelect.addEventListener('change', () => onPick({ form: formSelect.value as Form }));
  zoneSelect.addEventListener('change', () => onPick({ zone: zoneSelect.value as ZoneChoice }));
  rangeSelect.addEventListener('change', () => {
    const { value } = rangeSelect;
    between.hidden = value !== 'range';
    if (!between.hidden) {
      fromInput.focus();
      return;
    }
    const isSpan = Object.hasOwn(spans, value);
    onPick({
      from: undefined,
      to: undefined,
      span: isSpan ? value : undefined,
      ...(isSpan ? {} : { last: Number(value) }),
    });
  });
  for (const input of [fromInput, toInput])
    input.addEventListener('change', () =>
      onPick({ from: timeOf(fromInput.value, clock), to: timeOf(toInput.value, clock) }),
    );
  byId('pickers', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());

  return (view, queries, query) => {
    clock = zoneClock(shownZone(query, view));
    options(
      querySelect,
      queries.map(({ name }) => [name, name]),
      query.name,
    );
    options(
      aggregateSelect,
      Object.keys(query.aggregates).map((name) => [name, name]),
      shownAggregate(query, view),
    );
    options(formSelect, Object.entries(formLabels), view.form);
    options(zoneSelect, zonesOf(query), view.zone);
    const choices = [...new Set([...lasts, view.last])]
      .sort((a, b) => a - b)
      .map((last): [string, string] => [String(last), `the newest ${last}`]);
    const ofSpans = Object.entries(spans).map(([name, { label }]): [string, string] => [name, label]);
    // An open pair of inputs stays until something else is picked.
    const isOpen = hasRange(view) || (rangeSelect.value === 'range' && !between.hidden);
    const chosen = isOpen ? 'range' : (view.span ?? String(view.last));
    options(rangeSelect, [...choices, ...ofSpans, ['range', 'from … to …']], chosen);
    between.hidden = !isOpen;
    byId('from-label', HTMLElement).textContent = `From (${clock.timeZone})`;
    byId('to-label', HTMLElement).textContent = `To (${clock.timeZone})`;
    if (document.activeElement !== fromInput) fromInput.value = inputOf(view.from, clock);
    if (document.activeElement !== toInput) toInput.value = inputOf(view.to, clock);
  };
}

/** The zones of event times: the query's, UTC and the viewer's, each once. */
function zonesOf({ timeZone }: ShownQuery): readonly (readonly [value: ZoneChoice, label: string])[] {
  const isUtc = timeZone === 'UTC';
  return [
    ['query', isUtc ? 'UTC' : `${timeZone} (the query's)`],
    ...(isUtc ? [] : [['utc', 'UTC'] as const]),
    ...(viewersZone === timeZone || viewersZone === 'UTC' ? [] : [['yours', `${viewersZone} (yours)`] as const]),
  ];
}

function options(
  select: HTMLSelectElement,
  choices: readonly (readonly [value: string, label: string])[],
  chosen: string,
): void {
  replace(select, ...choices.map(([value, label]) => element('option', { value }, label)));
  if (select.value !== chosen) select.value = chosen;
  // A zone of a shared address may be the same as one that is listed.
  if (select.selectedIndex === -1) select.selectedIndex = 0;
}

/** The time in a `datetime-local` input, as the API takes it. */
function timeOf(value: string, clock: ZoneClock): string | undefined {
  const ms = value === '' ? Number.NaN : clock.parse(value);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().replace('.000Z', 'Z');
}

function inputOf(time: string | undefined, clock: ZoneClock): string {
  if (time === undefined) return '';
  const ms = /^-?\d+$/.test(time) ? Number(time) : Date.parse(time);
  return Number.isFinite(ms) ? clock.input(ms) : '';
}
