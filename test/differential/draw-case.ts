import { Temporal } from 'temporal-polyfill';
import { type Random, seededRandom } from '../../functions/testing/random.ts';
import { aggregates } from './aggregates.ts';
import type { CaseAggregate, CaseBatch, CaseEvent, CaseQuery, CaseWindow, DifferentialCase } from './case.ts';
import { conditions } from './conditions.ts';
import { fields } from './fields.ts';
import { groupKeys } from './group-keys.ts';
import { zoneNames } from './zones.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Where events lie in time. Its windows are some of them long. */
interface Era {
  readonly startMs: number;
  readonly sizeMs: number;
  readonly zone: string | undefined;
}

/** The case of a seed. */
export function drawCase(seed: number): DifferentialCase {
  const random = seededRandom(seed);
  const era = drawEra(random);
  const format = random.pick(['json', 'json', 'csv', 'parquet'] as const);
  const timeForm = random.pick(['ms', 's', 'iso'] as const);
  const spanMs = era.sizeMs * random.int(1, 12);
  // No stream takes records before the year 2000, whatever the time of their events.
  const arrivalMs = Math.max(era.startMs + spanMs + random.int(0, 1000), 946_684_800_000);
  const futureSkewMs = random.pick([0, 1, hourMs]);
  const queries = Array.from({ length: random.int(1, 3) }, (_, i) => drawQuery(random.fork(), era, `q${i}`, format));
  const write = { format, timeForm, spanMs, era, lateMs: arrivalMs + futureSkewMs } as const;
  const events = Array.from({ length: random.int(0, random.pick([12, 60, 150])) }, () => drawEvent(random, write));
  const shards = random.int(1, 3);
  const dedup = random.chance(0.3);
  return {
    seed,
    format,
    timeForm,
    delayMs: Math.floor(spanMs * random.pick([0, 0, 0.02, 0.1])),
    futureSkewMs,
    arrivalMs,
    dedup,
    queries,
    events: events.map(({ event }) => event),
    shards,
    eventsPerRecord: random.int(1, 3),
    batches: drawBatches(random, events, shards, spanMs, dedup),
  };
}

function drawEra(random: Random): Era {
  if (random.chance(0.4)) {
    const startMs = random.int(-631_152_000, 2_145_916_800) * 1000 + random.int(0, 999);
    return {
      startMs,
      sizeMs: random.pick([1, 10, 250, 1000, 60_000, 90_000, 600_000, hourMs, dayMs]),
      zone: undefined,
    };
  }
  // Around a change of clocks, mostly. The rules of these years are old enough for everybody to know them.
  const zone = random.pick(zoneNames);
  const from = Temporal.Instant.fromEpochMilliseconds(random.int(1_325_376_000, 1_640_995_200) * 1000);
  const change = from.toZonedDateTimeISO(zone).getTimeZoneTransition('next')?.epochMilliseconds;
  const sizeMs = random.pick([1800_000, hourMs, 4 * hourMs, 12 * hourMs, dayMs, 7 * dayMs, 20 * dayMs]);
  return { startMs: (change ?? from.epochMilliseconds) - random.int(0, 2 * sizeMs), sizeMs, zone };
}

function drawQuery(random: Random, era: Era, name: string, format: DifferentialCase['format']): CaseQuery {
  const groupBy = Object.keys(groupKeys).filter((key) => random.chance(key === 'i' ? 0.05 : 0.25));
  const window = drawWindow(random, era);
  return {
    name,
    window,
    groupBy: groupBy.slice(0, 3),
    ...(groupBy.length > 0 && random.chance(0.4) && namesOnly(groupBy.slice(0, 3))
      ? { totals: random.pick(['rollup', 'cube'] as const) }
      : {}),
    ...(random.chance(0.4) ? { where: random.pick(Object.keys(conditions) as [string, ...string[]]) } : {}),
    latenessMs: window.kind !== 'global' && random.chance(0.2) ? Math.floor(era.sizeMs * random.unit()) : 0,
    aggregates: Array.from({ length: random.int(1, 5) }, () => drawAggregate(random, format)),
  };
}

/** `rollup` and `cube` take names of fields. */
function namesOnly(groupBy: readonly string[]): boolean {
  return groupBy.every((key) => groupKeys[key]?.js === undefined);
}

function drawAggregate(random: Random, format: DifferentialCase['format']): CaseAggregate {
  const kind = random.pick(Object.keys(aggregates) as [string, ...string[]]);
  const drawn = { kind, ...aggregates[kind]?.draw(random) };
  // A column of whole numbers only: Parquet has no place for those beyond 64 bits, and sums of them are all there is.
  return format === 'parquet' && drawn.field === 'w' ? { ...drawn, field: 'i' } : drawn;
}

function drawWindow(random: Random, { sizeMs, zone }: Era): CaseWindow {
  const size = Math.max(1, Math.floor(sizeMs * random.pick([0.5, 1, 1, 2])));
  const offset = (step: number) => (random.chance(0.3) ? random.int(1 - step, step - 1) : 0);
  const kind = random.pick(['tumbling', 'sliding', 'cumulate', 'session', 'global', 'zone', 'zone'] as const);
  switch (kind) {
    case 'sliding': {
      const slideMs = Math.max(1, Math.ceil(size / random.pick([1, 1.5, 2, 3.3, 8])));
      return { kind, sizeMs: size, slideMs, offsetMs: offset(slideMs) };
    }
    case 'cumulate': {
      const stepMs = Math.max(1, Math.floor(size / random.int(1, 6)));
      const most = stepMs * random.int(1, 6);
      return { kind, sizeMs: most, stepMs, offsetMs: offset(most) };
    }
    case 'session': {
      const gapMs = Math.max(1, Math.floor(size / random.pick([2, 10, 40])));
      return { kind, gapMs, resolutionMs: random.pick([gapMs, Math.ceil(gapMs / 3), Math.ceil(gapMs / 8)]) };
    }
    case 'global':
      return { kind };
    case 'zone':
      if (zone !== undefined) return drawOnClocks(random, sizeMs, zone);
      break;
    case 'tumbling':
      break;
  }
  return { kind: 'tumbling', sizeMs: size, offsetMs: offset(size) };
}

function drawOnClocks(random: Random, sizeMs: number, zone: string): CaseWindow {
  if (sizeMs >= 12 * hourMs) {
    const unit = random.pick(['day', 'week', 'month'] as const);
    return { kind: 'calendar', unit, zone, ...(unit === 'week' ? { weekStart: random.int(0, 6) } : {}) };
  }
  const size = random.pick([900_000, 1800_000, hourMs, 2 * hourMs, 4 * hourMs, 7 * hourMs]);
  const offsetMs = random.pick([0, 0, 900_000 * random.int(1 - size / 900_000, size / 900_000 - 1)]) + 0;
  return { kind: 'tumbling', sizeMs: size, offsetMs, zone };
}

interface WrittenEvent {
  readonly event: CaseEvent;
  readonly timeMs: number;
}

interface Writing extends Pick<DifferentialCase, 'format' | 'timeForm'> {
  readonly spanMs: number;
  readonly era: Era;
  /** The last moment that is not in the future. */
  readonly lateMs: number;
}

function drawEvent(random: Random, { format, timeForm, spanMs, era, lateMs }: Writing): WrittenEvent {
  const timeMs = random.chance(0.02) ? lateMs + random.int(-1, 2) : drawTime(random, era, spanMs);
  if (format === 'json' && random.chance(0.02))
    return { timeMs, event: { line: random.pick(['garbage', '[1]', '{"time":', '17', 'null', '"text"']) } };
  const written: Record<string, string> = random.chance(0.02) ? {} : { time: timeText(random, timeMs, timeForm) };
  for (const [name, kind] of Object.entries(fields)) {
    if (random.chance(0.15)) continue;
    if (random.chance(0.1)) written[name] = 'null';
    else if (kind.broken !== undefined && canBreak(name, format) && random.chance(0.004)) written[name] = kind.broken;
    else written[name] = kind.draw(random, format);
  }
  return { timeMs, event: { fields: written } };
}

/** A time of the era; often on an edge of windows, or beside it, or a gap of sessions from another. */
function drawTime(random: Random, { startMs, sizeMs }: Era, spanMs: number): number {
  if (random.chance(0.5)) return startMs + random.int(0, spanMs);
  const partMs = Math.max(1, Math.floor(sizeMs / random.pick([1, 2, 10, 40])));
  const edge = Math.floor(startMs / sizeMs) * sizeMs + partMs * random.int(0, Math.floor(spanMs / partMs));
  return edge + random.pick([-1, 0, 0, 0, 0, 1]);
}

/** Whether DuckDB can see that a field is broken: only quotes tell a decimal of CSV from a number. */
function canBreak(name: string, format: DifferentialCase['format']): boolean {
  return format === 'json' || (format === 'csv' && name !== 'd');
}

function timeText(random: Random, timeMs: number, form: DifferentialCase['timeForm']): string {
  if (form === 'ms') return String(timeMs);
  if (form === 's') return seconds(timeMs);
  const iso = Temporal.Instant.fromEpochMilliseconds(timeMs);
  const zone = random.pick(['UTC', '+05:30', '-03:00']);
  return JSON.stringify(iso.toZonedDateTimeISO(zone).toString({ timeZoneName: 'never', smallestUnit: 'millisecond' }));
}

/** Seconds with three decimals, written without arithmetic of doubles. */
function seconds(timeMs: number): string {
  const size = Math.abs(timeMs);
  return `${timeMs < 0 ? '-' : ''}${Math.floor(size / 1000)}.${String(size % 1000).padStart(3, '0')}`;
}

/** Events in some disorder, in batches. Events of one id go to one shard, where ids count. */
function drawBatches(
  random: Random,
  events: readonly WrittenEvent[],
  shards: number,
  spanMs: number,
  dedup: boolean,
): readonly CaseBatch[] {
  const disorderMs = spanMs * random.pick([0, 0.3, 1, 1]);
  const arrivals = events
    .map(({ timeMs, event }, position) => ({
      position,
      at: timeMs + random.unit() * disorderMs,
      shard: dedup ? (event.fields?.id?.length ?? 0) % shards : random.int(0, shards - 1),
    }))
    .sort((left, right) => left.at - right.at);
  const most = random.pick([2, 10, 60]);
  const batches: CaseBatch[] = [];
  for (let at = 0; at < arrivals.length; ) {
    const taken = arrivals.slice(at, at + random.int(1, most));
    at += taken.length;
    for (let shard = 0; shard < shards; shard++) {
      const own = taken.filter((one) => one.shard === shard).map(({ position }) => position);
      if (own.length === 0) continue;
      batches.push({
        shard,
        events: own,
        repeated: random.chance(0.2),
        cold: random.chance(0.3),
        finalize: random.chance(0.7),
      });
    }
  }
  return batches;
}
