import { isObject, type Json, type JsonObject, present, unknownFields } from './json.ts';
import { requireNothing } from './unsupported.ts';

/**
 * The origin of a peer's watermark in Tidemark's terms: per shard the greatest event time - delay, globally the
 * minimum.
 */
export interface WatermarkModel {
  /** Whether events move the watermark; otherwise only `advance` and `watermark` steps do. */
  readonly drivenBy: 'events' | 'steps';
  readonly delayMs: number;
  /** By partition, where each has its own. Only where the vector has no windows: Tidemark has one delay a pipeline. */
  readonly partitionDelaysMs: Readonly<Record<string, number>>;
  /** The partitions without a watermark, whose delay is null. They hold nothing back. */
  readonly withoutWatermark: readonly string[];
  /** The exclusive watermark - the peer's own: Flink's W says "no more events with time <= W". */
  readonly nativeLag: 0 | 1;
  /** The peer's own watermark before anything came; undefined for none. Spark begins at 0 and never goes below. */
  readonly least: number | undefined;
  /** The unit in which the peer counts late data that it drops: events, or the rows that their aggregation makes. */
  readonly countsLate: 'events' | 'rows';
}

const eventModels: Readonly<Record<string, Pick<WatermarkModel, 'nativeLag' | 'least' | 'countsLate'>>> = {
  'spark-microbatch': { nativeLag: 0, least: 0, countsLate: 'rows' },
  'kafka-stream-time': { nativeLag: 0, least: undefined, countsLate: 'events' },
  'flink-bounded': { nativeLag: 1, least: undefined, countsLate: 'events' },
  'flink-ascending': { nativeLag: 1, least: undefined, countsLate: 'events' },
};

const known = ['model', 'delay', 'grace', 'policy', 'perPartitionDelay', 'ignored'];

/** Reads a vector's watermark. @throws Unsupported */
export function watermarkModel({ kind, watermark, window, idleTimeout }: JsonObject): WatermarkModel {
  const held = {
    drivenBy: 'steps',
    delayMs: 0,
    partitionDelaysMs: {},
    withoutWatermark: [],
    nativeLag: 0,
    least: undefined,
    countsLate: 'events',
  } as const;
  // No watermark is involved where windows are only assigned.
  if (kind === 'window-assignment') return held;
  // Idleness concerns the shards that have the events.
  if (watermark === undefined || watermark === null)
    return typeof idleTimeout === 'number' ? { ...held, drivenBy: 'events' } : held;
  if (!isObject(watermark)) return refuse('watermark that is not an object');
  requireNothing(unknownFields('watermark', watermark, known));
  if (watermark['model'] === null) return held;
  const { model, delay, grace, policy, perPartitionDelay, ignored } = present(watermark);
  if (model === 'none' || ignored === true) return held;
  if (typeof model === 'string' && model.endsWith('-injected'))
    return { ...held, nativeLag: model.startsWith('flink') ? 1 : 0 };
  const ofEvents = typeof model === 'string' ? eventModels[model] : undefined;
  if (ofEvents === undefined) return refuse(`watermark.model ${JSON.stringify(model)}`);
  if (policy !== undefined && policy !== 'min') return refuse(`watermark.policy ${JSON.stringify(policy)}`);
  if (perPartitionDelay !== undefined && isObject(window)) return refuse('watermark.perPartitionDelay');
  return {
    drivenBy: 'events',
    delayMs: numberOr(delay ?? grace, 0),
    partitionDelaysMs: delaysOf(perPartitionDelay),
    withoutWatermark: Object.entries(isObject(perPartitionDelay) ? perPartitionDelay : {}).flatMap(([name, value]) =>
      value === null ? [name] : [],
    ),
    ...ofEvents,
  };
}

function delaysOf(delays: Json | undefined): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(isObject(delays) ? delays : {}).map(([partition, delay]) => [partition, numberOr(delay, 0)]),
  );
}

function numberOr(value: Json | undefined, otherwise: number): number {
  if (value === undefined || value === null) return otherwise;
  return typeof value === 'number' ? value : refuse(`watermark.delay ${JSON.stringify(value)}`);
}

function refuse(feature: string): never {
  requireNothing([feature]);
  throw new Error('unreachable');
}

/** A watermark as the peer shows it; null while there is none. */
export function nativeWatermark({ nativeLag, least }: WatermarkModel, watermark: number): number | null {
  if (watermark === Number.NEGATIVE_INFINITY) return least ?? null;
  return least === undefined ? watermark - nativeLag : Math.max(least, watermark - nativeLag);
}
