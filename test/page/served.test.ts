import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PageProxy, startPageProxy } from '../../cli/deployment/page-proxy.ts';
import { apiBase } from '../../functions/page/browser/api.ts';
import { pauseMs } from '../../functions/page/browser/pause.ts';
import { command } from '../fixtures/system/command-line.ts';
import { type System, startSystem } from '../fixtures/system/system.ts';

let system: System;
let proxy: PageProxy;

beforeAll(async () => {
  system = await startSystem();
  proxy = await startPageProxy({ base: system.local.url, request: fetch }, 0);
});
afterAll(async () => {
  await proxy?.close();
  await system?.close();
});

describe('the page as it is served', () => {
  test('is one document of less than 150 KB gzipped that asks for nothing from elsewhere', async () => {
    const html = await (await fetch(`${system.local.url}/`)).text();
    expect(html).toMatch(/^<!doctype html>/);
    expect(gzipSync(html).length).toBeLessThan(150 * 1024);
    const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address = '']) => address);
    expect(addresses.filter((address) => !/^(#|data:|v1\/)/.test(address))).toEqual([]);
    expect(html).not.toContain('@import');
  });

  test('carries a policy that allows exactly its own script and style', async () => {
    const response = await fetch(`${system.local.url}/`);
    const html = await response.text();
    const policy = response.headers.get('content-security-policy') ?? '';
    for (const element of ['script', 'style']) {
      const [, text = ''] = new RegExp(`<${element}>(.*?)</${element}>`, 's').exec(html) ?? [];
      expect(text.length).toBeGreaterThan(1000);
      expect(policy).toContain(`${element}-src 'sha256-${createHash('sha256').update(text).digest('base64')}'`);
    }
    expect(policy).toMatch(/^default-src 'none'; /);
    expect(policy).not.toContain('unsafe');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('is not sent again while it is the same', async () => {
    const { headers } = await fetch(`${system.local.url}/`);
    const again = await fetch(`${system.local.url}/`, { headers: { 'if-none-match': headers.get('etag') ?? '' } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });
});

describe('tidemark page', () => {
  /** A request with any Host header. fetch does not send one. */
  async function status(host: string, method = 'GET'): Promise<number | undefined> {
    const { port } = new URL(proxy.url);
    const asked = request({ host: '127.0.0.1', port, method, headers: { host } }).end();
    const [response] = await once(asked, 'response');
    response.resume();
    return response.statusCode;
  }

  test('serves the page and passes its requests on, with their answers', async () => {
    const direct = await fetch(`${system.local.url}/`);
    const page = await fetch(proxy.url);
    expect(await page.text()).toBe(await direct.text());
    expect(page.headers.get('content-security-policy')).toBe(direct.headers.get('content-security-policy'));
    expect(await (await fetch(`${proxy.url}v1/queries`)).json()).toMatchObject({ pipeline: 'orders' });
    const refused = await fetch(`${proxy.url}v1/queries/byKind/windows?limit=0`);
    expect([refused.status, refused.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
  });

  test('lends its credentials to nobody who reaches it by another name, and changes nothing', async () => {
    const { host, port } = new URL(proxy.url);
    expect(await status(host)).toBe(200);
    expect(await status(`localhost:${port}`)).toBe(200);
    expect(await status('attacker.example')).toBe(421);
    expect(await status(host, 'POST')).toBe(405);
  });

  test('says in one line that the API is away, or that its port is taken', async () => {
    const gone = await startPageProxy({ base: 'http://127.0.0.1:1', request: fetch }, 0);
    const answer = await fetch(`${gone.url}v1/queries`);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ status: 502 });
    const taken = await command(['page', '--port', '4500', '--listen', new URL(gone.url).port]);
    expect(taken).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^tidemark: --listen: port \d+ is in use: .*\n$/),
    });
    await gone.close();
  });
});

describe('the page asks', () => {
  test('beside its own address, below whatever path', () => {
    const origin = 'https://id.execute-api.eu-west-1.amazonaws.com';
    expect(apiBase({ origin, pathname: '/' })).toBe(`${origin}/v1/`);
    expect(apiBase({ origin, pathname: '/v1' })).toBe(`${origin}/v1/v1/`);
    expect(apiBase({ origin, pathname: '/v1/' })).toBe(`${origin}/v1/v1/`);
  });

  test('less often while the API is away, and while nothing changes', () => {
    expect([1, 2, 3, 4, 5, 60].map((failures) => pauseMs(failures, 0))).toEqual([
      1000, 2000, 4000, 8000, 15_000, 15_000,
    ]);
    expect(pauseMs(0, 0)).toBeLessThan(pauseMs(0, 1000));
  });
});
