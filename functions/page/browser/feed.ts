import type { ShownSideEvent } from './api.ts';
import { element, replace, toggle } from './dom.ts';
import { formatShard, formatSpan, numberText } from './format.ts';
import type { ZoneClock } from './zone-clock.ts';

/** Most events that are drawn. */
const mostDrawn = 50;
const longestPayload = 200;

/**
 * The side output, newest first, with the reason of each; reasons can be left out.
 * @param clock the viewer's: events arrive by the clock on the wall
 */
export function createFeed(
  list: HTMLElement,
  reasons: HTMLElement,
  clock: ZoneClock,
): (events: readonly ShownSideEvent[]) => void {
  const hidden = new Set<string>();
  let events: readonly ShownSideEvent[] = [];

  function draw(): void {
    const counts = new Map<string, number>();
    for (const { reason } of events) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const buttons = [...counts]
      .sort()
      .map(([reason, count]) =>
        toggle(
          !hidden.has(reason),
          () => flip(reason),
          element('span', { class: `reason ${classOf(reason)}` }, reason),
          ` ${numberText(count)}`,
        ),
      );
    replaceButtons(reasons, buttons);
    const shown = events.filter(({ reason }) => !hidden.has(reason)).slice(0, mostDrawn);
    replace(
      list,
      ...(shown.length === 0
        ? [element('li', { class: 'help' }, 'Nothing was late or rejected in the last day.')]
        : shown.map((event) => itemOf(event, clock))),
    );
  }

  function flip(reason: string): void {
    if (!hidden.delete(reason)) hidden.add(reason);
    draw();
  }

  return (found) => {
    events = found;
    draw();
  };
}

/** Replaces a list of toggles without taking the focus from the one that has it. */
export function replaceButtons(list: HTMLElement, items: readonly HTMLLIElement[]): void {
  const at = [...list.children].findIndex((item) => item.contains(document.activeElement));
  list.replaceChildren(...items);
  if (at >= 0) items[at]?.querySelector('button')?.focus();
}

function classOf(reason: string): 'late' | 'rejected' {
  return reason === 'late' ? 'late' : 'rejected';
}

function itemOf({ reason, detail, arrival, shardId, payload }: ShownSideEvent, clock: ZoneClock): HTMLLIElement {
  const text = payload.length > longestPayload ? `${payload.slice(0, longestPayload)}…` : payload;
  return element(
    'li',
    {},
    element('time', { datetime: new Date(arrival).toISOString() }, clock.moment(arrival)),
    element('span', { class: `reason ${classOf(reason)}` }, reason),
    element('span', { class: 'where' }, formatShard(shardId)),
    element('span', { class: 'detail' }, readable(detail, clock)),
    element('code', {}, text === '' ? '(empty)' : text),
  );
}

/** The times and lengths of a message, which are in ms, as people read them. */
function readable(detail: string, clock: ZoneClock): string {
  return detail
    .replace(
      /\b(event time|arrival) (-?\d{1,15})\b/g,
      (_, name: string, ms: string) => `${name} ${clock.time(Number(ms))}`,
    )
    .replace(/\b(\d{4,15}) ms\b/g, (_, ms: string) => formatSpan(Number(ms)));
}
