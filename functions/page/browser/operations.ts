import type { ShownCommand, ShownOperations } from './api.ts';
import { element, replace } from './dom.ts';
import { formatSpan, numberText } from './format.ts';
import type { ZoneClock } from './zone-clock.ts';

/** What each stage of a command means. */
const stages: Readonly<Record<ShownCommand['stage'], string>> = {
  waiting: 'waits for an epoch',
  gathering: 'is being gathered',
  emitting: 'is being written',
  done: 'is done',
};

const kinds: Readonly<Record<ShownCommand['kind'], string>> = {
  replay: 'Replay of late events',
  backfill: 'Backfill',
  remove: 'Removal',
};

/** Commands that are over, of which so many are shown. */
const mostDone = 4;

/** What goes on: the turn of epochs, and what an operator has asked for. */
export function drawOperations(
  place: HTMLElement,
  operations: ShownOperations,
  { viewer, now }: { readonly viewer: ZoneClock; readonly now: number },
): void {
  const { commands, backfills, removals } = operations;
  const open = commands.filter(({ stage }) => stage !== 'done');
  const done = commands.filter(({ stage }) => stage === 'done').slice(0, mostDone);
  const items = [
    ...backfills.map(({ query, at }) =>
      itemOf(
        `Backfill of ${query}`,
        'open',
        'is handed over',
        at === null ? '' : `last step ${formatSpan(Math.max(0, now - at))} ago`,
      ),
    ),
    ...removals
      .filter((query) => !open.some((command) => command.kind === 'remove' && command.query === query))
      .map((query) => itemOf(`Removal of ${query}`, 'open', 'is under way', '')),
    ...[...open, ...done].map((command) => commandOf(command, viewer)),
  ];
  replace(
    place,
    element('p', { class: 'help' }, epochsText(operations, viewer)),
    items.length === 0
      ? element('p', {}, 'Nothing that was asked for is under way.')
      : element('ul', { class: 'operations' }, ...items),
  );
}

/** How far epochs are: a query whose panes are not out is named. */
function epochsText({ elected, gathered, emitted }: ShownOperations, viewer: ZoneClock): string {
  const { epoch, at } = elected;
  if (epoch === 0) return 'There was no epoch yet: the first one closes the first window.';
  const begun = `Epoch ${numberText(epoch)}${at === null ? '' : `, elected ${viewer.moment(at)}`}`;
  if (gathered < epoch)
    return `${begun}, is being gathered${gathered === 0 ? '' : `; those up to ${numberText(gathered)} are`}.`;
  const behind = Object.entries(emitted).filter(([, own]) => own.epoch < epoch);
  if (behind.length === 0) return `${begun}, is gathered and emitted.`;
  const places = behind.map(([query, own]) => `${query} is emitted up to ${numberText(own.epoch)}`);
  return `${begun}, is gathered; ${places.join(', ')}.`;
}

function commandOf({ kind, query, by, putAt, stage, windows, written, left }: ShownCommand, viewer: ZoneClock) {
  const stays = left === null || left === 0 ? '' : `, ${numberText(left)} left as they are`;
  const result = written === null ? '' : `${numberText(written)} windows written${stays}`;
  const asked = windows === null || windows === 0 ? '' : `${numberText(windows)} windows`;
  const who = by === null || by === '' ? '' : `by ${by}`;
  const when = putAt === null ? '' : viewer.moment(putAt);
  const detail = [stage === 'done' ? result : asked, who, when].filter((part) => part !== '').join(', ');
  return itemOf(`${kinds[kind]} of ${query}`, stage === 'done' ? 'done' : 'open', stages[stage], detail);
}

function itemOf(title: string, state: 'open' | 'done', stage: string, detail: string): HTMLElement {
  return element(
    'li',
    {},
    element('strong', {}, title),
    element('span', { class: `standing ${state === 'open' ? 'behind' : 'well'}` }, stage),
    element('small', {}, detail),
  );
}
