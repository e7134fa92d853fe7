import type { ShownQuery } from './api.ts';
import { byId, element, replace } from './dom.ts';
import { lasts, shownAggregate, type View } from './view.ts';

/** The pickers. They show the view, and a choice in them becomes a change of it. */
export function createPickers(
  onPick: (change: Partial<View>) => void,
): (view: View, queries: readonly ShownQuery[], query: ShownQuery) => void {
  const querySelect = byId('query', HTMLSelectElement);
  const aggregateSelect = byId('aggregate', HTMLSelectElement);
  const rangeSelect = byId('range', HTMLSelectElement);
  const between = byId('between', HTMLElement);
  const fromInput = byId('from', HTMLInputElement);
  const toInput = byId('to', HTMLInputElement);

  querySelect.addEventListener('change', () => onPick({ query: querySelect.value, aggregate: undefined }));
  aggregateSelect.addEventListener('change', () => onPick({ aggregate: aggregateSelect.value }));
  rangeSelect.addEventListener('change', () => {
    between.hidden = rangeSelect.value !== 'range';
    if (between.hidden) onPick({ last: Number(rangeSelect.value), from: undefined, to: undefined });
    else fromInput.focus();
  });
  for (const input of [fromInput, toInput])
    input.addEventListener('change', () => onPick({ from: timeOf(fromInput.value), to: timeOf(toInput.value) }));
  byId('pickers', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());

  return (view, queries, query) => {
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
    const isRange = view.from !== undefined || view.to !== undefined;
    const choices = [...new Set([...lasts, view.last])]
      .sort((a, b) => a - b)
      .map((last): [string, string] => [String(last), `the last ${last}`]);
    // An open pair of inputs stays until a number is picked instead.
    const isOpen = isRange || (rangeSelect.value === 'range' && !between.hidden);
    options(rangeSelect, [...choices, ['range', 'from … to …']], isOpen ? 'range' : String(view.last));
    between.hidden = !isOpen;
    if (document.activeElement !== fromInput) fromInput.value = inputOf(view.from);
    if (document.activeElement !== toInput) toInput.value = inputOf(view.to);
  };
}

function options(
  select: HTMLSelectElement,
  choices: readonly (readonly [value: string, label: string])[],
  chosen: string,
): void {
  replace(select, ...choices.map(([value, label]) => element('option', { value }, label)));
  if (select.value !== chosen) select.value = chosen;
}

/** The time in a `datetime-local` input, as UTC. */
function timeOf(value: string): string | undefined {
  return value === '' ? undefined : `${value.length === 16 ? `${value}:00` : value}Z`;
}

function inputOf(time: string | undefined): string {
  if (time === undefined) return '';
  const ms = /^-?\d+$/.test(time) ? Number(time) : Date.parse(time);
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 19) : '';
}
