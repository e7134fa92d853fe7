import { readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { LocalError, messageOf, systemCode } from '../account/local-error.ts';

/**
 * The progress of a shard: the last sequence number that is done (absent: none yet), and whether that was the shard's
 * end.
 */
export interface ShardCheckpoint {
  readonly sequenceNumber?: string;
  readonly finished: boolean;
}

/**
 * The checkpoints of one stream, by shard. A stream of the same name that was created at another time is another
 * stream.
 */
export interface StreamCheckpoints {
  readonly createdAtSeconds: number;
  readonly shards: Readonly<Record<string, ShardCheckpoint>>;
}

/** The contents of a checkpoint file: the streams of a data folder by name. */
export interface CheckpointFile {
  readonly version: 1;
  readonly streams: Readonly<Record<string, StreamCheckpoints>>;
}

/**
 * The store of the checkpoints of one stream. They are written after an invocation, so a crash repeats deliveries and
 * loses none.
 */
export interface Checkpoints {
  get(shardId: string): ShardCheckpoint | undefined;
  all(): Readonly<Record<string, ShardCheckpoint>>;
  /** Sets a checkpoint. It takes effect at once and is written soon. Several changes may share one write. */
  set(shardId: string, checkpoint: ShardCheckpoint): void;
  /** The number of times that a checkpoint was set. */
  changes(): number;
  /** Resolves when there were more than `than` changes, or after `withinMs`. */
  changed(than: number, withinMs: number): Promise<void>;
  /** Resolves when all is written. */
  flush(): Promise<void>;
}

/** Writes the whole file; calls never overlap. */
export type SaveCheckpoints = (file: CheckpointFile) => Promise<void>;

/**
 * The checkpoints of one stream, beginning with the kept ones.
 * @throws LocalError `checkpoints` when they belong to an earlier stream of the same name
 */
export function createCheckpoints(
  kept: CheckpointFile,
  streamName: string,
  createdAtSeconds: number,
  save: SaveCheckpoints,
  onError: (error: unknown) => void,
): Checkpoints {
  const before = kept.streams[streamName];
  if (before !== undefined && before.createdAtSeconds !== createdAtSeconds) {
    throw new LocalError(
      'checkpoints',
      `checkpoints.json: the checkpoints of ${streamName} belong to a stream that is gone: restore the folder "kinesis" beside it, or begin with another folder: what the tables hold was counted from that stream`,
    );
  }
  const shards: Record<string, ShardCheckpoint> = { ...before?.shards };
  let writing: Promise<void> | undefined;
  let dirty = false;
  let changes = 0;
  const waiting = new Set<() => void>();

  async function write(): Promise<void> {
    while (dirty) {
      dirty = false;
      await save({
        version: 1,
        streams: { ...kept.streams, [streamName]: { createdAtSeconds, shards: { ...shards } } },
      });
    }
  }

  return {
    get: (shardId) => shards[shardId],
    all: () => shards,
    set(shardId, checkpoint) {
      shards[shardId] = checkpoint;
      changes++;
      for (const wake of waiting) wake();
      dirty = true;
      writing ??= write()
        .catch(onError)
        .finally(() => {
          writing = undefined;
        });
    },
    changes: () => changes,
    changed: (than, withinMs) =>
      new Promise((resolve) => {
        if (changes > than) return resolve();
        const wake = (): void => {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, withinMs);
        waiting.add(wake);
      }),
    flush: () => writing ?? Promise.resolve(),
  };
}

/**
 * Reads a checkpoint file; a missing one is empty.
 * @throws LocalError `checkpoints` when it is damaged: a silent start from zero would hide the damage
 */
export function readCheckpoints(path: string): CheckpointFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { version: 1, streams: {} };
    throw new LocalError('checkpoints', `${path}: cannot be read (${messageOf(error)})`);
  }
  const file = parse(text);
  if (file === undefined)
    throw new LocalError(
      'checkpoints',
      `${path}: damaged, received ${JSON.stringify(text.slice(0, 40))}: restore it, or delete it to deliver everything again`,
    );
  return file;
}

/** Replaces the file in one step: a crash leaves the old one or the new one, never half of it. */
export async function writeCheckpoints(path: string, file: CheckpointFile): Promise<void> {
  const temporary = `${path}.new`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(JSON.stringify(file));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}

function parse(text: string): CheckpointFile | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isCheckpointFile(value) ? value : undefined;
}

function isCheckpointFile(value: unknown): value is CheckpointFile {
  return (
    isObject(value) && value.version === 1 && isObject(value.streams) && Object.values(value.streams).every(isStream)
  );
}

function isStream(value: unknown): value is StreamCheckpoints {
  return (
    isObject(value) &&
    typeof value.createdAtSeconds === 'number' &&
    isObject(value.shards) &&
    Object.values(value.shards).every(isShard)
  );
}

function isShard(value: unknown): value is ShardCheckpoint {
  if (!isObject(value) || typeof value.finished !== 'boolean') return false;
  return (
    value.sequenceNumber === undefined ||
    (typeof value.sequenceNumber === 'string' && /^\d{1,129}$/.test(value.sequenceNumber))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
