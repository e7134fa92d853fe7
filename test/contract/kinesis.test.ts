import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinesisClient, type KinesisClientConfig } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { describe, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import { close, listen } from '../../infra/local/emulators/emulator.ts';
import { createKinesisServer } from '../../infra/local/emulators/kinesis/kinesis-server.ts';
import { openStreams } from '../../infra/local/emulators/kinesis/streams.ts';
import { isMissing } from '../fixtures/needs.ts';
import { kinesisContract } from './kinesis-contract.ts';

async function serve(folder: string | undefined) {
  const server = createKinesisServer(openStreams({ folder, now: Date.now }), Date.now);
  const port = await listen(server, 0);
  const client = new KinesisClient(clientConfig({ port, endpoint: undefined }));
  return {
    client,
    async end() {
      client.destroy();
      await close(server);
    },
  };
}

const never = () => Promise.reject(new Error('it cannot be restarted'));

kinesisContract('emulated, in memory', 'stays', async () => {
  const { client, end } = await serve(undefined);
  return { client, restart: never, close: end };
});

kinesisContract('emulated, in a data folder', 'restarts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kinesis-'));
  let served = await serve(folder);
  return {
    client: served.client,
    async restart() {
      await served.end();
      served = await serve(folder);
      return served.client;
    },
    async close() {
      await served.end();
      rmSync(folder, { recursive: true });
    },
  };
});

/** The address of another Kinesis, such as LocalStack's, or `aws`: then the SDK's own settings apply. */
const other = process.env['TIDEMARK_KINESIS'];
if (isMissing(other, 'the address of another Kinesis in TIDEMARK_KINESIS'))
  describe('Kinesis: another one', () => {
    it.skip('is skipped: needs the address of another Kinesis in TIDEMARK_KINESIS', () => {});
  });
else
  kinesisContract(other, 'stays', async () => {
    const here: KinesisClientConfig = {
      endpoint: other,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    const client = new KinesisClient({ ...(other === 'aws' ? {} : here), requestHandler: new NodeHttpHandler() });
    return { client, restart: never, close: async () => client.destroy() };
  });
