import { describe, expect, it } from 'vitest';
import { isUnfinished } from '../../cli/stream/unfinished-file.ts';

describe('a file of a watched folder', () => {
  it.each([
    ['hdfs dfs -put', 'events.json._COPYING_'],
    ['WinSCP', 'events.json.filepart'],
    ['browsers', 'events.json.crdownload'],
    ['Firefox, FileZilla', 'events.json.part'],
    ['Safari', 'events.json.download'],
    ['Opera', 'events.json.opdownload'],
    ['aria2', 'events.json.aria2'],
    ['curl, wget wrappers', 'events.json.partial'],
    ['uploaders', 'events.json.uploading'],
    ['whoever writes aside', 'events.json.tmp'],
    ['Windows', 'EVENTS.JSON.TMP'],
    ['whoever spells it out', 'events.json.temp'],
    ['rsync', '.events.json.Xa31Fz'],
    ['Flink', '.part-0-0.inprogress.4f1c-9'],
    ['Flink, named otherwise', 'part-0-0.json.inprogress.4f1c-9'],
    ['Hadoop', '_SUCCESS'],
    ['Hadoop, a folder', '_temporary'],
    ['macOS', '.DS_Store'],
    ['NFS', '.nfs00000000061a0f8b'],
    ['vim', '.events.json.swp'],
    ['backups', 'events.json~'],
    ['Office', '~$events.csv'],
    ['Emacs', '#events.json#'],
  ])('is let be that %s has not finished: %s', (_tool, name) => {
    expect(isUnfinished(name)).toBe(true);
  });

  it.each([
    'events.json',
    'events.json.gz',
    'part-00000-c000.snappy.parquet',
    'tmp.json',
    'part',
    'a_b.csv',
    'events.tmp.json',
    'copying_events.json',
    'x~y.json',
    'inprogress.json',
    'events.partly',
  ])('is taken that is whole: %s', (name) => {
    expect(isUnfinished(name)).toBe(false);
  });
});
