import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Delivery, Sink } from '../../functions/core/definition/sink.ts';
import { bucketIn } from '../../functions/edge/config.ts';
import { openTarget } from '../../functions/sinks/s3.ts';
import { openObject } from '../../functions/sources/s3-object.ts';

afterEach(() => vi.unstubAllEnvs());

describe('the addresses of S3', () => {
  it.each([
    ['AWS', {}, 'host'],
    ['AWS, with variables that are empty', { AWS_ENDPOINT_URL: '', AWS_ENDPOINT_URL_S3: '' }, 'host'],
    ['an emulator', { AWS_ENDPOINT_URL: 'http://localhost:4566' }, 'path'],
    ['an endpoint of S3 alone', { AWS_ENDPOINT_URL_S3: 'http://localhost:9000' }, 'path'],
    [
      'AWS, where endpoints are to be ignored',
      { AWS_ENDPOINT_URL: 'http://localhost:4566', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
      'host',
    ],
  ])('have the bucket in the host or the path as it has to be for %s', (_name, environment, expected) => {
    expect(bucketIn(environment)).toBe(expected);
  });

  it('have it in the path of what the sink and the source of S3 ask an endpoint at localhost for', async () => {
    const asked: (readonly [host: string | undefined, path: string | undefined])[] = [];
    const server = createServer((request, response) => {
      asked.push([request.headers.host, request.url?.split('?', 1)[0]]);
      request.resume().on('end', () => response.end());
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    try {
      const host = `localhost:${(server.address() as AddressInfo).port}`;
      vi.stubEnv('AWS_ENDPOINT_URL', `http://${host}`);
      vi.stubEnv('AWS_REGION', 'us-east-1');
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
      const sink = { name: 'files', kind: 's3', format: 'json', prefix: 'p/' } as Sink;
      const place = bucketIn(process.env);
      const setup = { sink, target: 'bucket', secret: undefined, secretArn: undefined, bucketIn: place };
      await openTarget(setup).deliver(delivery);
      const client = new S3Client({ forcePathStyle: place === 'path' });
      await openObject(client, { bucket: 'bucket', key: 'a/b.json', version: 'v', versionId: undefined } as never);
      expect(asked).toEqual([
        [host, expect.stringMatching(/^\/bucket\/p\//)],
        [host, '/bucket/a/b.json'],
      ]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

const delivery = {
  id: 'id',
  query: 'byHour',
  start: 0,
  end: 3_600_000,
  revision: 1,
  records: 0,
  rows: [],
} as unknown as Delivery;
