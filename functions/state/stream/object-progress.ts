import { createHash } from 'node:crypto';
import { objectPartitions } from '../../core/deployment/tables.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import { type Attributes, type Clause, type Item, type Key, numberOf, type Table, textOf } from '../table/table.ts';

/** One version of an object: the unit that is fed once. */
export interface ObjectVersion {
  readonly bucket: string;
  readonly key: string;
  /** The version's id, or the ETag in a bucket without versions. */
  readonly version: string;
}

/**
 * How far an object is fed. `feeding`: an attempt is at it, or died; lines after `line` may be in the stream. `paused`:
 * an attempt ended in order, and none is at it. `done`: all lines are in the stream, for ever.
 */
export type ObjectPhase = 'feeding' | 'paused' | 'done';

export interface ObjectProgress {
  readonly phase: ObjectPhase;
  /** All lines up to this one are in the stream, except those that no record can hold. */
  readonly line: number;
  /**
   * By shard, a record before all that hold lines after `line`. A shard that is missing has to be read from its
   * beginning.
   */
  readonly positions: Readonly<Record<string, SequenceNumber>>;
  /** Lines that no record can hold. */
  readonly notPut: number;
}

/** The attempt that wants to feed an object, and its latest end. */
export interface Claimant {
  /** The id of the message. It is repeated until the object is done. */
  readonly owner: string;
  /** The id of the invocation. It is this attempt's alone. */
  readonly attempt: string;
  readonly nowMs: number;
  /** The time at which this attempt is dead for certain, epoch ms. */
  readonly untilMs: number;
}

/**
 * `held`: another attempt is at the object. It goes on until the object is done, or fails where operators see it.
 * `begun`: the first attempt, or one after a pause. `interrupted`: another attempt died, and lines that it put after
 * its last note have to be looked for in the stream.
 */
export type Claim =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'held' }
  | { readonly outcome: 'begun' | 'interrupted'; readonly progress: ObjectProgress };

/**
 * How long a note is kept after it was written, ms. S3 repeats notifications within hours. A queue keeps them for at
 * most 14 days.
 */
const keptMs = 30 * 24 * 3_600_000;

/** The object as one text. It names the object's lines in the stream too. */
export function objectName({ bucket, key, version }: ObjectVersion): string {
  return `s3://${bucket}/${key}#${version}`;
}

/** The key of an object's note. It is a hash, so that any key of S3 fits. */
function keyOf(object: ObjectVersion): Key {
  const hash = createHash('sha256').update(objectName(object)).digest('hex');
  return { pk: objectPartitions[Number.parseInt(hash.slice(0, 2), 16) % objectPartitions.length] ?? '', sk: hash };
}

/**
 * Takes an object, unless it is done or another attempt is alive. Conditional: there is no note, or the one that was
 * read is the last.
 * @param start the positions of an object that is begun: read before anything of it is put
 */
export async function claimObject(
  state: Table,
  object: ObjectVersion,
  claimant: Claimant,
  start: () => Promise<ObjectProgress['positions']>,
): Promise<Claim> {
  const { owner, attempt, nowMs, untilMs } = claimant;
  const { bucket, key: objectKey, version } = object;
  const key = keyOf(object);
  for (;;) {
    const item = await state.get(key);
    const known = item && progressOf(item);
    if (known?.phase === 'done') return { outcome: 'done' };
    // An earlier attempt for the same message is dead. Its invocation has ended, or the message would not have come
    // again.
    const isAlive =
      known?.phase === 'feeding' &&
      textOf(item as Item, 'owner') !== owner &&
      (numberOf(item as Item, 'untilMs') ?? 0) >= nowMs;
    if (isAlive) return { outcome: 'held' };
    const progress: ObjectProgress = known ?? { phase: 'feeding', line: 0, positions: await start(), notPut: 0 };
    const when: Clause =
      item === undefined
        ? { attribute: 'attempt', is: 'absent' }
        : { attribute: 'attempt', is: 'equal', to: textOf(item, 'attempt') ?? '' };
    const set = {
      ...noted({ ...progress, phase: 'feeding' }, nowMs),
      bucket,
      objectKey,
      version,
      owner,
      attempt,
      untilMs,
    };
    const { outcome } = await state.update(key, { set }, [when]);
    if (outcome === 'applied') return { outcome: known?.phase === 'feeding' ? 'interrupted' : 'begun', progress };
  }
}

/** Notes how far an attempt is. Conditional on the attempt being the last one: another may have taken over. */
export async function noteObject(
  state: Table,
  object: ObjectVersion,
  attempt: string,
  progress: ObjectProgress,
  nowMs: number,
): Promise<'applied' | 'refused'> {
  const { outcome } = await state.update(keyOf(object), { set: noted(progress, nowMs) }, [
    { attribute: 'attempt', is: 'equal', to: attempt },
  ]);
  return outcome;
}

function noted({ phase, line, positions, notPut }: ObjectProgress, nowMs: number): Attributes {
  return { phase, line, positions: { ...positions }, notPut, expiresAt: Math.floor((nowMs + keptMs) / 1000) };
}

function progressOf(item: Item): ObjectProgress {
  return {
    // Written by noted above and by nobody else.
    phase: textOf(item, 'phase') as ObjectPhase,
    line: numberOf(item, 'line') ?? 0,
    positions: (item.attributes.positions ?? {}) as ObjectProgress['positions'],
    notPut: numberOf(item, 'notPut') ?? 0,
  };
}
