import type { ShownLetter, ShownSink } from './api.ts';
import { element, replace } from './dom.ts';
import { formatSpan, numberText } from './format.ts';
import type { ZoneClock } from './zone-clock.ts';

/** The clocks by which sinks are told. */
export interface SinkClocks {
  /** That of the windows. */
  readonly windows: ZoneClock;
  /** That of whoever looks at the page. */
  readonly viewer: ZoneClock;
  /** Epoch ms. */
  readonly now: number;
}

/** A window that waits for less than this, ms, is on its way. */
const usualMs = 30_000;

/** Dead letters that are drawn. */
const mostDrawn = 8;

type Standing = 'well' | 'behind' | 'failing' | 'unserved';

const standings: Readonly<Record<Standing, string>> = {
  well: 'delivers',
  behind: 'is behind',
  failing: 'fails',
  unserved: 'is not served here',
};

/** How each sink stands: what waits for it, what fails, and what it has given up. */
export function drawSinks(place: HTMLElement, sinks: readonly ShownSink[], clocks: SinkClocks): void {
  // Nothing that was opened is closed by a new answer.
  const opened = new Set([...place.querySelectorAll<HTMLElement>('details[open]')].map(({ dataset }) => dataset.sink));
  replace(
    place,
    element('ul', { class: 'sinks' }, ...sinks.map((sink) => itemOf(sink, clocks, opened.has(sink.name)))),
  );
}

function standingOf({ served, failing, waitingSince, dead }: ShownSink, now: number): Standing {
  if (!served) return 'unserved';
  if (failing !== null || dead > 0) return 'failing';
  return waitingSince !== null && now - waitingSince > usualMs ? 'behind' : 'well';
}

function itemOf(sink: ShownSink, clocks: SinkClocks, isOpen: boolean): HTMLElement {
  const { name, kind, mode, queries, served, delivered, lastDeliveredAt, waiting, waitingSince, dead, hasMore } = sink;
  const { viewer, now } = clocks;
  const standing = standingOf(sink, now);
  const count = (number: number) => `${numberText(number)}${hasMore && number > 0 ? '+' : ''}`;
  const since =
    waitingSince === null ? 'nothing waits' : `the first for ${formatSpan(Math.max(0, now - waitingSince))}`;
  const facts = [
    [
      'Delivered',
      numberText(delivered),
      lastDeliveredAt === null ? 'never yet' : `last ${viewer.moment(lastDeliveredAt)}`,
    ],
    ['Waiting', count(waiting), since],
    ['Dead letters', count(dead), dead === 0 ? 'none was given up' : 'given up'],
  ] as const;
  return element(
    'li',
    {},
    element(
      'p',
      { class: 'sink-head' },
      element('strong', {}, name),
      element('span', { class: `standing ${standing}` }, standings[standing]),
      element('small', {}, `${kind}, ${mode}, of ${queries.join(', ')}`),
    ),
    ...(served
      ? [
          element(
            'dl',
            { class: 'facts' },
            ...facts.map(([fact, value, detail]) =>
              element(
                'div',
                {},
                element('dt', {}, fact),
                element('dd', {}, element('strong', {}, value), ` ${detail}`),
              ),
            ),
          ),
        ]
      : [element('p', { class: 'help' }, 'Nothing is published to it from here: deploy the pipeline for that.')]),
    ...failureOf(sink, clocks),
    ...lettersOf(sink, clocks, isOpen),
  );
}

function failureOf({ failing }: ShownSink, { windows, viewer }: SinkClocks): readonly HTMLElement[] {
  if (failing === null) return [];
  const { query, start, end, attempts, failingSince, reason } = failing;
  const since = failingSince === null ? '' : ` since ${viewer.moment(failingSince)}`;
  const what = `${query} ${windows.window(start, end)} has failed ${attempts === 1 ? 'once' : `${numberText(attempts)} times`}${since}:`;
  return [element('p', { class: 'failure' }, `${what} `, element('code', {}, reason ?? 'no reason is known'))];
}

function lettersOf(
  { name, dead, deadLetters, hasMore }: ShownSink,
  { windows }: SinkClocks,
  isOpen: boolean,
): readonly HTMLElement[] {
  if (dead === 0) return [];
  const shown = deadLetters.slice(0, mostDrawn);
  const items = shown.map((letter) => letterOf(letter, windows));
  const more = dead - shown.length;
  const rest = more > 0 ? `and ${numberText(more)}${hasMore ? ' or more' : ''} others; ` : '';
  return [
    element(
      'details',
      { 'data-sink': name, open: isOpen },
      element('summary', {}, `Dead letters, the newest ${numberText(shown.length)}`),
      element('ul', { class: 'letters' }, ...items),
      element(
        'p',
        { class: 'help' },
        rest,
        'try them again with ',
        element('code', {}, `tidemark sinks redrive ${name}`),
      ),
    ),
  ];
}

function letterOf({ query, start, end, attempts, reason }: ShownLetter, windows: ZoneClock): HTMLElement {
  return element(
    'li',
    {},
    `${query} ${windows.window(start, end)}, ${attempts === 1 ? 'one attempt' : `${numberText(attempts)} attempts`} `,
    element('code', {}, reason ?? 'no reason is known'),
  );
}
