import { describe, expect, it } from 'vitest';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { continuation, notifiedObjects } from '../../functions/sources/object-notification.ts';

const s3 = (key: string, rest: object = { eTag: 'tag' }) => ({
  eventSource: 'aws:s3',
  eventName: 'ObjectCreated:Put',
  s3: { bucket: { name: 'b' }, object: { key, size: 1, sequencer: '0055', ...rest } },
});
const read = (message: unknown) => notifiedObjects(JSON.stringify(message));

describe('a notification about objects', () => {
  it('names bucket, key and version, or the ETag where there are no versions', () => {
    expect(read({ Records: [s3('a+b/%C3%BC%2B.json', { eTag: 'tag', versionId: 'v1' }), s3('plain')] })).toEqual([
      { bucket: 'b', key: 'a b/ü+.json', version: 'v1', versionId: 'v1' },
      { bucket: 'b', key: 'plain', version: 'tag', versionId: undefined },
    ]);
    const detail = { bucket: { name: 'b' }, object: { key: 'a+b.json', etag: 'tag', 'version-id': 'v2' } };
    expect(read({ source: 'aws.s3', 'detail-type': 'Object Created', detail })).toEqual([
      { bucket: 'b', key: 'a+b.json', version: 'v2', versionId: 'v2' },
    ]);
  });

  it('holds none when it is a test, or about something else', () => {
    expect(read({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' })).toEqual([]);
    expect(read({ Records: [{ ...s3('k'), eventName: 'ObjectRemoved:Delete' }] })).toEqual([]);
    expect(read({ source: 'aws.s3', 'detail-type': 'Object Deleted', detail: {} })).toEqual([]);
  });

  it('is what a continuation is read back as, whatever the key', () => {
    const objects = ['a b', 'ü+%2F?#', '日本/😀'].map((key, i) => ({
      bucket: 'b',
      key,
      version: `v${i}`,
      versionId: i === 0 ? undefined : `v${i}`,
    }));
    expect(notifiedObjects(continuation(objects))).toEqual(objects);
  });

  it.each<readonly [string, string]>([
    ['not JSON', 'hello'],
    ['null', 'null'],
    ['another message', '{"Type":"Notification"}'],
    ['no key', JSON.stringify({ Records: [s3('')] })],
    ['a badly encoded key', JSON.stringify({ Records: [s3('%ZZ')] })],
    ['neither version nor ETag', JSON.stringify({ Records: [s3('k', {})] })],
    [
      'no bucket',
      JSON.stringify({ Records: [{ eventName: 'ObjectCreated:Put', s3: { object: { key: 'k', eTag: 't' } } }] }),
    ],
  ])('is refused when it is %s', (_name, body) => {
    expect(() => notifiedObjects(body)).toThrow(TidemarkError);
  });
});
