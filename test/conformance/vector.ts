import { isObject, type Json, type JsonObject, listOf, present, unknownFields } from './json.ts';
import { partitionName, rawEvents, stepOf, type TimedStep } from './step.ts';
import { requireNothing, Unsupported } from './unsupported.ts';
import { dedupOf, type VectorDedup } from './vector-dedup.ts';
import { type WatermarkModel, watermarkModel } from './watermark-model.ts';
import { missingWindow, type VectorOffsets, windowOffsets } from './window-kinds.ts';

/** A vector whose features Tidemark all has. test/vectors/README.md explains the fields. */
export interface Vector {
  readonly kind: 'stream' | 'window-assignment';
  /** Null where the vector is about watermarks only. */
  readonly window: JsonObject | null;
  readonly watermark: WatermarkModel;
  /** Undefined for no deduplication. */
  readonly dedup: VectorDedup | undefined;
  /** Where the windows lie, ms. Undefined: the vector says nothing of it. */
  readonly offsets: VectorOffsets | undefined;
  /** Time after their end in which windows take late records, ms. */
  readonly latenessMs: number;
  readonly groupBy: readonly string[];
  /** The aggregates that the vector names; `expect` may show more. */
  readonly aggregates: readonly string[];
  /** The kind of emission: final results once, or every row that changed. */
  readonly emits: 'finals' | 'changes';
  /** Event time of a result: the last moment of its window, or the latest of its records. */
  readonly outputTime: 'end' | 'latest';
  /** The shards that are there from the start. */
  readonly partitions: readonly string[];
  /** Whether finalize runs start only at `emit` steps. */
  readonly deferred: boolean;
  readonly idleTimeoutMs: number | undefined;
  /** Time between two finalize runs on the virtual clock; undefined runs one after each step. */
  readonly emitIntervalMs: number | undefined;
  /**
   * What moves the virtual clock where a step does not set it: each step, as is best for the runner; nothing; or the
   * greatest event time, at which the records of a step then arrive.
   */
  readonly clock: 'each-step' | 'nothing' | 'event-time';
  readonly steps: readonly TimedStep[];
  /** The question. Only names and `afterStep` are read before an answer is there. */
  readonly expect: JsonObject;
}

const knownFields = [
  ...[
    'id',
    'peer',
    'source',
    'assertedBy',
    'kind',
    'focus',
    'portability',
    'notes',
    'steps',
    'expect',
    'window',
    'watermark',
    'groupBy',
    'aggregates',
  ],
  ...[
    'outputMode',
    'outputTime',
    'allowedLateness',
    'accumulation',
    'trigger',
    'dedup',
    'requires',
    'partitions',
    'deferred',
    'idleTimeout',
  ],
  ...['lateOutput', 'emitInterval', 'closing'],
];

const outputModes: Readonly<Record<string, Vector['emits']>> = {
  append: 'finals',
  final: 'finals',
  complete: 'finals',
  update: 'changes',
};

/** Reads a vector. @throws Unsupported that names every missing feature */
export function vectorOf(given: JsonObject): Vector {
  const raw = present(given);
  const { kind, steps, expect } = raw;
  if (kind !== 'stream' && kind !== 'window-assignment') throw new Unsupported([`kind ${JSON.stringify(kind)}`]);
  if (!Array.isArray(steps) || !isObject(expect)) throw new Unsupported(['a vector without steps and expect']);
  requireNothing([...missingWindow(raw['window']), ...missingFeatures(raw)]);
  const groupBy = listOf(raw['groupBy']).map(String);
  const watermark = watermarkModel(raw);
  const hasOffsets = isObject(raw['window']) && !groupBy.includes('offset');
  const eventFields = ['time', 'key', 'value', 'partition', ...(hasOffsets ? ['offset'] : []), ...groupBy];
  const dedup = dedupOf(raw['dedup']);
  const read = steps.map((step) =>
    stepOf(dedup === undefined ? step : withTimes(step), eventFields, watermark.nativeLag),
  );
  return {
    kind,
    window: isObject(raw['window']) ? raw['window'] : null,
    watermark,
    dedup,
    offsets: windowOffsets(raw['window'], hasOffsets ? rawEvents(steps) : []),
    latenessMs: numberIn(raw, 'allowedLateness') ?? 0,
    groupBy,
    aggregates: listOf(raw['aggregates']).map(String),
    emits: outputModes[String(raw['outputMode'] ?? 'append')] ?? 'finals',
    outputTime: raw['outputTime'] === 'latest' ? 'latest' : 'end',
    partitions: partitionsOf(raw, read),
    deferred: raw['deferred'] === true,
    idleTimeoutMs: numberIn(raw, 'idleTimeout'),
    emitIntervalMs: numberIn(raw, 'emitInterval'),
    clock: clockOf(raw, dedup, read),
    steps: read,
    expect,
  };
}

function missingFeatures(raw: JsonObject): readonly string[] {
  const { outputMode = 'append', outputTime = 'end', allowedLateness = 0, accumulation, requires } = raw;
  // With one pane a window, accumulating and discarding are the same.
  const hasPanes = allowedLateness !== 0 && allowedLateness !== null;
  return [
    ...unknownFields('vector', raw, knownFields),
    ...['trigger', 'closing'].filter((name) => raw[name] !== undefined && raw[name] !== null),
    ...(hasPanes && !isSession(raw) && accumulation === 'discarding' ? ['accumulation "discarding"'] : []),
    ...(typeof outputMode === 'string' && outputMode in outputModes
      ? []
      : [`outputMode ${JSON.stringify(outputMode)}`]),
    ...(outputTime === 'end' || outputTime === 'latest' ? [] : [`outputTime ${JSON.stringify(outputTime)}`]),
    ...['groupBy', 'aggregates', 'partitions', 'requires'].filter((name) => !Array.isArray(raw[name] ?? [])),
    ...listOf(requires)
      .filter((requirement) => !(isSession(raw) && requirement === 'session-touching-merges'))
      .map((requirement) => `requires ${JSON.stringify(requirement)}`),
    ...rawEvents(listOf(raw['steps'])).flatMap((event) => ('gap' in event ? ['events.gap'] : [])),
  ];
}

/**
 * Whether the windows are sessions. Sessions have only a final pane, whatever their lateness, so they are tested before
 * the other kinds.
 */
function isSession({ window }: JsonObject): boolean {
  return isObject(window) && window['type'] === 'session';
}

/** A vector with lengths of time of its own says how time goes by. */
function clockOf(raw: JsonObject, dedup: VectorDedup | undefined, steps: readonly TimedStep[]): Vector['clock'] {
  const isGiven = steps.some(({ clockMs }) => clockMs !== undefined);
  if (numberIn(raw, 'idleTimeout') !== undefined || numberIn(raw, 'emitInterval') !== undefined) return 'nothing';
  if (dedup?.withinMs === undefined) return 'each-step';
  return isGiven ? 'nothing' : 'event-time';
}

/** A step whose events all have a time: Spark deduplicates rows without one, but here every event has one. */
function withTimes(step: Json): Json {
  if (!isObject(step) || !('events' in step)) return step;
  return { ...step, events: listOf(step['events']).map((event) => (isObject(event) ? { time: 0, ...event } : event)) };
}

/** The shards that the vector names, all there from the start except those that a step adds. */
function partitionsOf(raw: JsonObject, steps: readonly TimedStep[]): readonly string[] {
  const added = new Set(steps.flatMap((step) => (step.kind === 'addPartition' ? [step.partition] : [])));
  const named = steps.flatMap((step) => {
    if (step.kind === 'events')
      return step.events.flatMap(({ partition }) => (partition === undefined ? [] : [partition]));
    return 'partition' in step ? [step.partition] : [];
  });
  const given = listOf(raw['partitions']).map(partitionName);
  return [...new Set([...given, ...named.filter((name) => !added.has(name))])];
}

function numberIn(raw: JsonObject, name: string): number | undefined {
  const value: Json | undefined = raw[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') throw new Unsupported([`${name} ${JSON.stringify(value)}`]);
  return value;
}
