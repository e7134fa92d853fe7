import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../account/local-error.ts';

/**
 * Looks for damage in the files of a LevelDB database that LevelDB itself passes over. LevelDB silently cuts a log
 * where it fails its checksums. It makes a folder without `CURRENT` a new, empty database, and begins by deleting the
 * files of the old one. Nothing is changed here. (LevelDB checks tables, `.ldb`, when it reads them, and their absence
 * when it opens.)
 * @returns the damage, naming the file; undefined when there is none. A record that is cut by the end of the file is
 * left by a `kill -9` and is not damage.
 */
export function databaseDamage(folder: string): string | undefined {
  const names = readdirSync(folder);
  // A kill while a database is made leaves a MANIFEST without CURRENT, and never one of these.
  if (!names.includes('CURRENT') && names.some((name) => /^\d+\.(log|ldb|sst)$/.test(name)))
    return 'the file CURRENT is missing';
  for (const name of names.filter((each) => /^\d+\.log$/.test(each))) {
    const at = damagedAt(readIfThere(join(folder, name)));
    if (at !== undefined) return `the file ${name} is damaged at byte ${at}`;
  }
  return undefined;
}

/** Reads a file, or nothing: the owner of the database may delete a log during the check. */
function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** The format of a log: https://github.com/google/leveldb/blob/main/doc/log_format.md */
const blockBytes = 32_768;
const headerBytes = 7;
const lastRecordType = 4;

function damagedAt(log: Buffer): number | undefined {
  for (let at = 0; at + headerBytes <= log.length; ) {
    const leftInBlock = blockBytes - (at % blockBytes);
    if (leftInBlock < headerBytes) {
      at += leftInBlock;
      continue;
    }
    const end = at + headerBytes + log.readUInt16LE(at + 4);
    const type = log[at + 6] ?? 0;
    if (type === 0 || type > lastRecordType || end - at > leftInBlock) return at;
    if (end > log.length) return undefined;
    if (log.readUInt32LE(at) !== masked(crc32c(log.subarray(at + 6, end)))) return at;
    at = end;
  }
  return undefined;
}

/** LevelDB stores its checksums rotated and shifted. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}
