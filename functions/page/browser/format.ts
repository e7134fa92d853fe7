/** Numbers, times and spans for people. All times are epoch ms and shown in UTC, as the windows are. */

const numbers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 });
const shares = new Intl.NumberFormat('en-US', { style: 'percent', maximumFractionDigits: 1 });
const smallShares = new Intl.NumberFormat('en-US', { style: 'percent', maximumSignificantDigits: 2 });

export function numberText(value: number): string {
  return numbers.format(value);
}

/** @param part of `whole`; nothing of nothing is 0 %, and less than all is never 100 % */
export function formatShare(part: number, whole: number): string {
  const share = whole === 0 ? 0 : part / whole;
  return share < 0.1 ? smallShares.format(share) : shares.format(share < 1 ? Math.min(share, 0.999) : share);
}

/** `2016-07-26 02:00`, with the units below a minute only where they are not zero. */
export function formatTime(ms: number): string {
  const text = new Date(ms).toISOString();
  const [day = '', clock = ''] = text.split('T');
  return `${day} ${shortClock(clock)}`;
}

/** As {@link formatTime}, cut to the second: nobody reads moving times more exactly. */
export function formatMoment(ms: number): string {
  return formatTime(Math.floor(ms / 1000) * 1000);
}

/** `2016-07-26 02:00:00`, cut to the second. */
export function formatSecond(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** `02:00`, as {@link formatTime} without the day. */
export function formatClock(ms: number): string {
  return shortClock(new Date(ms).toISOString().split('T')[1] ?? '');
}

function shortClock(clock: string): string {
  return clock
    .replace('Z', '')
    .replace(/\.000$/, '')
    .replace(/^(\d\d:\d\d):00$/, '$1');
}

/** `2016-07-26 02:00–03:00`, and both days where a window spans more than one. */
export function formatWindow(start: number, end: number): string {
  const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  if (dayOf(start) === dayOf(end - 1) && end - start < dayMs) return `${formatTime(start)}–${formatClock(end)}`;
  if (start % dayMs === 0 && end - start === dayMs) return dayOf(start);
  return `${formatTime(start)} – ${formatTime(end)}`;
}

const dayMs = 86_400_000;

const units = [
  ['d', dayMs],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** The two largest units of a length of time: `1 h 10 min`. */
export function formatSpan(ms: number): string {
  const size = Math.abs(ms);
  const at = units.findIndex(([, unitMs]) => size >= unitMs);
  const [name, unitMs] = units[at] ?? ['s', 1000];
  if (at === -1) return `${Math.round(ms)} ms`;
  const sign = ms < 0 ? '−' : '';
  const whole = Math.floor(size / unitMs);
  const next = units[at + 1];
  const rest = next === undefined ? 0 : Math.floor((size % unitMs) / next[1]);
  // Beyond a hundred days nobody reads hours.
  return `${sign}${numberText(whole)} ${name}${next === undefined || rest === 0 || whole >= 100 ? '' : ` ${rest} ${next[0]}`}`;
}

/** `shardId-000000000003` without its zeros. */
export function formatShard(shardId: string): string {
  return shardId.replace(/^shardId-0*(\d+)$/, 'shard $1');
}

/** The label of a row's key: `Open`, `us · 3`. A query without group-by fields has one key, of everything. */
export function keyLabel(key: Readonly<Record<string, unknown>>): string {
  const values = Object.values(key);
  return values.length === 0 ? 'all' : values.map((value) => (value === '' ? '""' : String(value))).join(' · ');
}
