/** Numbers, spans and names for people. Times are in zone-clock.ts. */

const numbers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 });
const shortNumbers = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const shares = new Intl.NumberFormat('en-US', { style: 'percent', maximumFractionDigits: 1 });
const smallShares = new Intl.NumberFormat('en-US', { style: 'percent', maximumSignificantDigits: 2 });

export function numberText(value: number): string {
  return numbers.format(value);
}

/** `1.2K`, `3.4M`: for axes, where places are few. */
export function shortNumber(value: number): string {
  return Math.abs(value) < 10_000 ? numbers.format(value) : shortNumbers.format(value);
}

/** @param part of `whole`; nothing of nothing is 0 %, and less than all is never 100 % */
export function formatShare(part: number, whole: number): string {
  const share = whole === 0 ? 0 : part / whole;
  return share < 0.1 ? smallShares.format(share) : shares.format(share < 1 ? Math.min(share, 0.999) : share);
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
