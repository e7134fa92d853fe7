import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createEnvironmentPool } from '../../infra/local/lambda/environment-pool.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-pool-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Answers each invocation with the number of invocations so far. */
const worker = `
  import { parentPort } from 'node:worker_threads';
  let invocations = 0;
  parentPort.on('message', () => parentPort.postMessage({ type: 'result', payload: String(++invocations) }));
  parentPort.postMessage({ type: 'ready' });
`;

it('an invocation whose client is gone before it begins is dropped, and the next one runs', async () => {
  const workerFile = join(folder, 'worker.mjs');
  writeFileSync(workerFile, worker);
  const spec = {
    workerFile,
    handlerFile: workerFile,
    functionName: 'f',
    functionArn: 'arn',
    memoryMb: 128,
    timeoutMs: 30_000,
    variables: {},
  };
  const pool = createEnvironmentPool(spec, 1, 'warm');
  const invoke = (client: 'here' | 'gone') =>
    pool.invoke({
      event: new Uint8Array(new ArrayBuffer(2)),
      requestId: 'id',
      onLog: () => undefined,
      isWanted: () => client === 'here',
    });
  const results = await Promise.all([invoke('here'), invoke('gone'), invoke('here')]);
  await pool.terminate();
  expect(results).toEqual([
    { kind: 'success', payload: '1' },
    { kind: 'error', error: expect.objectContaining({ errorType: 'ClientGone' }) },
    { kind: 'success', payload: '2' },
  ]);
});
