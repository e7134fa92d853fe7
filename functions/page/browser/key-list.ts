import { byId, element, replace, styled } from './dom.ts';
import { numberText } from './format.ts';
import { fewKeys, type Keys, type KeyTotal, matcher, seriesColor } from './keys.ts';
import type { View } from './view.ts';

/** Most bars that are drawn; a search finds the others. */
const mostBars = 60;

/** What the list of keys is of. */
export interface KeyListData {
  readonly keys: Keys;
  readonly aggregate: string;
  /** How many windows the totals are over. */
  readonly windows: number;
  readonly pins: readonly string[];
  readonly find: string;
}

/**
 * The keys with their totals as the lesson's bar chart, a bar a key, to one scale. Of many keys it can be searched, and
 * keys can be pinned to the chart.
 */
export function createKeyList(onPick: (change: Partial<View>) => void): (data: KeyListData) => void {
  const said = byId('keys-said', HTMLElement);
  const list = byId('keys', HTMLElement);
  const search = byId('find', HTMLInputElement);
  const searchLabel = byId('find-label', HTMLElement);
  search.addEventListener('input', () => onPick({ find: search.value }));

  return ({ keys, aggregate, windows, pins, find }) => {
    const isMany = keys.all.length > fewKeys;
    const colors = new Map(keys.series.map(({ id, place }) => [id, seriesColor(place)]));
    const matching = keysShown(keys, pins, find);
    const shown = matching.slice(0, mostBars);
    const most = Math.max(...shown.map(({ total }) => Math.abs(total ?? 0)), 0) || 1;
    searchLabel.hidden = !isMany;
    if (document.activeElement !== search) search.value = find;
    list.classList.toggle('dense', shown.length > 4);
    const focused = list.contains(document.activeElement)
      ? document.activeElement?.getAttribute('data-key')
      : undefined;
    replace(
      list,
      ...shown.map((key) => barOf(key, most, colors.get(key.id), isMany ? pins.includes(key.id) : undefined)),
    );
    for (const button of list.querySelectorAll('button')) {
      const id = button.dataset.key ?? '';
      button.onclick = () => onPick({ pins: pins.includes(id) ? pins.filter((pin) => pin !== id) : [...pins, id] });
      if (id === focused) button.focus();
    }
    const of = matching.length > shown.length || find !== '' ? `${numberText(shown.length)} of ` : '';
    const text =
      keys.all.length === 0
        ? 'No key has been counted yet.'
        : `${aggregate} over the ${numberText(windows)} windows shown${isMany ? `; ${of}${numberText(keys.all.length)} keys` : ''}`;
    if (said.textContent !== text) said.textContent = text;
  };
}

/** The keys that a search finds, pinned ones first. */
export function keysShown({ all }: Keys, pins: readonly string[], find: string): readonly KeyTotal[] {
  const matches = matcher(find);
  const found = all.filter(({ label }) => matches(label));
  if (all.length <= fewKeys) return found;
  return [...found.filter(({ id }) => pins.includes(id)), ...found.filter(({ id }) => !pins.includes(id))];
}

/** @param isPinned undefined: there are too few keys to pin one */
function barOf(
  { id, label, total }: KeyTotal,
  most: number,
  color: string | undefined,
  isPinned: boolean | undefined,
): HTMLElement {
  const bar = styled(element('span', { class: 'bar', 'aria-hidden': 'true' }), {
    width: `${(100 * Math.abs(total ?? 0)) / most}%`,
    background: color ?? seriesColor(undefined),
  });
  const pin =
    isPinned === undefined
      ? []
      : [
          element('button', {
            type: 'button',
            class: 'pin',
            'data-key': id,
            'aria-pressed': String(isPinned),
            'aria-label': `Pin ${label} to the chart`,
            title: isPinned ? 'In the chart until it is unpinned' : 'Pin it to the chart',
          }),
        ];
  return element(
    'li',
    {},
    element('span', { class: 'label' }, ...pin, label),
    element('span', { class: 'track' }, bar),
    element('span', { class: 'number' }, total === null ? '–' : numberText(total)),
  );
}
