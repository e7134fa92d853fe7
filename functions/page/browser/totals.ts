import type { ShownRow } from './api.ts';
import { element, replace, styled } from './dom.ts';
import { keyLabel, numberText } from './format.ts';
import { aggregateNumber, seriesColor } from './keys.ts';

/** Most bars that people read. */
const mostBars = 12;

/** The totals as the lesson's bar chart: a bar a key, to one scale. */
export function drawTotals(
  place: HTMLElement,
  rows: readonly ShownRow[],
  aggregate: string,
  windows: number,
  placeOf: (row: ShownRow) => number | undefined,
): void {
  const bars = rows.map((row) => ({ row, value: aggregateNumber(row, aggregate) ?? 0 }));
  const shown = bars.length <= mostBars ? bars : bars.toSorted((a, b) => b.value - a.value).slice(0, mostBars);
  const most = Math.max(...shown.map(({ value }) => Math.abs(value)), 0) || 1;
  const items = shown.map(({ row, value }) => {
    const bar = styled(element('span', { class: 'bar', 'aria-hidden': 'true' }), {
      width: `${(100 * Math.abs(value)) / most}%`,
      background: seriesColor(placeOf(row)),
    });
    return element(
      'li',
      {},
      element('span', { class: 'label' }, keyLabel(row.key)),
      element('span', { class: 'track' }, bar),
      element('span', { class: 'number' }, numberText(value)),
    );
  });
  const more = bars.length > shown.length ? `; the greatest ${shown.length} of ${numberText(bars.length)} keys` : '';
  const said =
    rows.length === 0
      ? 'Nothing has been counted yet.'
      : `${aggregate} over the ${numberText(windows)} windows shown${more}`;
  replace(
    place,
    element('p', { class: 'help' }, said),
    element('ul', { class: shown.length > 4 ? 'bars dense' : 'bars' }, ...items),
  );
}
