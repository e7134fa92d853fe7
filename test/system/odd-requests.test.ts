import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../functions/testing/random.ts';
import { oddRequest, sendRaw } from '../fixtures/odd-requests.ts';
import { order, type System, startSystem } from '../fixtures/system/system.ts';

const seed = Number(process.env['SEED'] ?? 15);
const requests = 3_000;
const atOnce = 24;
/** After this many ms, half a request gets no answer any more. */
const answeredWithinMs = 100;

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system?.close());

/** The TCP ports on which processes listen, as Linux reports them. Empty on other systems. */
function listeningPorts(pids: readonly (number | undefined)[]): readonly number[] {
  if (process.platform !== 'linux') return [];
  const sockets = new Set(
    pids.flatMap((pid) =>
      readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
        try {
          return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
        } catch {
          return []; // closed meanwhile
        }
      }),
    ),
  );
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode = '']) => state === '0A' && sockets.has(inode))
    .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16));
}

function ports(): readonly number[] {
  const { url, endpoints } = system.local;
  const known = [url, endpoints.kinesis, endpoints.dynamodb].map((each) => Number(new URL(each).port));
  return [...new Set([...known, ...listeningPorts(Object.values(system.local.pids()))])];
}

describe('a request that nobody sends on purpose', () => {
  it(`ends no process and counts nothing, at any port (SEED=${seed})`, async () => {
    const deaths: string[] = [];
    system.local.onExit((error) => deaths.push(error.message));
    const begun = system.local.pids();
    const t0 = Date.parse('2026-01-01T00:00:00Z');
    const before = await system.put(Array.from({ length: 50 }, (_, i) => ({ data: order(t0 + i, 'a', i), shard: 0 })));
    const random = seededRandom(seed);
    const all = ports();
    if (process.platform === 'linux') expect(all).toHaveLength(4);
    const { local } = system;
    const targets = {
      host: `127.0.0.1:${all[0]}`,
      stream: local.streamName,
      shards: [...new Set(before.map(({ shardId }) => shardId))],
      tables: [local.tableNames.windows, local.tableNames.state, local.tableNames.rejects] as const,
      functionName: local.functionNames.query,
    };
    const waiting = Array.from({ length: requests }, (_, i) => ({
      port: all[i % all.length] ?? 0,
      bytes: oddRequest(random, targets),
    }));
    const sender = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
        await sendRaw(next.port, next.bytes, answeredWithinMs);
    };
    await Promise.all(Array.from({ length: atOnce }, sender));
    expect({ deaths, pids: local.pids() }).toEqual({ deaths: [], pids: begun });

    await system.put(Array.from({ length: 50 }, (_, i) => ({ data: order(t0 + i, 'b', i), shard: 1 })));
    const { body } = await system.get('conservation');
    expect(body).toMatchObject({ received: 100, holds: true });
    for (const port of all) expect(await answers(port)).toBeGreaterThan(0);
  });
});

/** The status of the answer to an ordinary request. */
function answers(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/v1/queries' }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
}
