import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { systemCode } from '../../account/local-error.ts';

/** A shard of a stream, as it is kept. Its index in the stream is its place in the list. */
export interface ShardDescription {
  /** The time of its creation, epoch seconds. */
  readonly createdSeconds: number;
  /** The first and the last hash key, decimal. */
  readonly firstHashKey: string;
  readonly lastHashKey: string;
  /** The shards that it came from: one after a split, two after a merge. */
  readonly parents: readonly number[];
  /** The time at which it was closed, epoch seconds. Absent: it is open. */
  readonly closedSeconds?: number;
}

/** A stream, as it is kept. */
export interface StreamDescription {
  readonly name: string;
  /** The name of its folder. */
  readonly folder: string;
  readonly mode: 'PROVISIONED' | 'ON_DEMAND';
  /** Epoch seconds. */
  readonly createdSeconds: number;
  readonly retentionHours: number;
  readonly shards: readonly ShardDescription[];
}

const fileName = 'streams.json';
/** The version of the file's form, and of that of the segments beside it. */
const version = 1;

/** The file of another emulator (kinesalite), which kept its streams here before. */
const otherEmulatorsFile = 'CURRENT';

/**
 * The streams that a folder keeps; none in a new folder.
 * @throws Error, one line, when the file is damaged or missing, or when another emulator wrote the folder
 */
export function readStreams(folder: string): readonly StreamDescription[] {
  if (existsSync(join(folder, otherEmulatorsFile)))
    throw new Error('it was written by kinesalite, the emulator of an earlier version of tidemark, and cannot be read');
  let text: string;
  try {
    text = readFileSync(join(folder, fileName), 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    // A kill while the first stream is made leaves an empty folder.
    const folders = readdirSync(folder).filter((name) => /^\d+$/.test(name));
    if (folders.some((name) => readdirSync(join(folder, name)).length > 0))
      throw new Error(`the file ${fileName} is missing`);
    return [];
  }
  const [head = '', json = ''] = text.split('\n', 2);
  if (head !== headOf(json)) throw new Error(`the file ${fileName} is damaged, or of another version of tidemark`);
  return JSON.parse(json);
}

/** Replaces the file in one step: a crash leaves the old one or the new one, never half of it. */
export function writeStreams(folder: string, streams: readonly StreamDescription[]): void {
  const json = JSON.stringify(streams);
  const path = join(folder, fileName);
  writeFileSync(`${path}.new`, `${headOf(json)}\n${json}\n`, { flush: true });
  renameSync(`${path}.new`, path);
}

/** The first line of the file: its version, and the checksum of the second. */
function headOf(json: string): string {
  return `${version} ${crc32(json).toString(16).padStart(8, '0')}`;
}
