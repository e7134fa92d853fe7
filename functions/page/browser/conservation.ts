import { type ShownConservation, type ShownPairs, shownClasses } from './api.ts';
import { element, replace, styled } from './dom.ts';
import { formatShare, numberText } from './format.ts';

const meanings = {
  counted: 'in a window',
  late: 'after their window was closed',
  duplicate: 'seen before',
  rejected: 'not readable as events',
  filtered: 'wanted by no query',
} as const;

/** The law of conservation as a stacked bar: every event received is in exactly one class. */
export function drawConservation(place: HTMLElement, conservation: ShownConservation): void {
  const { received, holds } = conservation;
  const present = shownClasses.filter((name) => conservation[name] > 0);
  const segments = present.map((name) =>
    styled(element('span', { class: `segment ${name}` }), { 'flex-grow': String(conservation[name]) }),
  );
  const terms = shownClasses.map((name) =>
    element(
      'li',
      {},
      element('span', { class: `swatch ${name}`, 'aria-hidden': 'true' }),
      element('strong', {}, numberText(conservation[name])),
      ` ${name} `,
      element('small', {}, `${formatShare(conservation[name], received)}, ${meanings[name]}`),
    ),
  );
  const verdict = holds
    ? 'every event received is in exactly one class'
    : 'THIS DOES NOT HOLD: events are in no class, or in two';
  replace(
    place,
    element(
      'p',
      { class: holds ? 'equation' : 'equation broken' },
      element('strong', {}, `${numberText(received)} received`),
      ` = ${shownClasses.join(' + ')}: ${verdict}`,
    ),
    element('div', { class: 'stack', 'aria-hidden': 'true' }, ...segments),
    element('ul', { class: 'terms' }, ...terms),
    element('div', { class: 'scroll' }, pairsTable(conservation.queries)),
  );
}

/** The outcome of the events in each query: a daily query still counts events that are late for an hourly one. */
function pairsTable(queries: ShownConservation['queries']): HTMLElement {
  const heads = ['Query', 'Counted', 'Late', 'Late share', 'Filtered'].map((name) =>
    element('th', { scope: 'col' }, name),
  );
  const rows = Object.entries(queries).map(([name, pairs]) => element('tr', {}, ...cellsOf(name, pairs)));
  return element(
    'table',
    { class: 'pairs' },
    element('caption', {}, 'By query'),
    element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...rows),
  );
}

function cellsOf(name: string, { counted, late, filtered }: ShownPairs): readonly HTMLElement[] {
  const texts = [numberText(counted), numberText(late), formatShare(late, counted + late), numberText(filtered)];
  return [element('th', { scope: 'row' }, name), ...texts.map((text) => element('td', {}, text))];
}
