import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isMissing } from '../fixtures/needs.ts';
import { order, type Sent, type System, startSystem } from '../fixtures/system/system.ts';
import { findChromium, launchChromium } from './chromium.ts';

const executable = findChromium();
const lacksChromium = isMissing(executable, 'Chromium (apt-get install chromium, or CHROMIUM=its path)');

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-05T00:00:00Z');
/** The time-out ends only tests that hang. */
const patience = { timeout: 300_000, interval: 50 };

/** One browser, one system. Each test has a page of its own, and none of the pages may log an error. */
describe.skipIf(lacksChromium)('the live page, in Chromium', () => {
  let data: string;
  let browser: Browser;
  let system: System;
  const errors: string[] = [];
  /** The page before anything has come. */
  let beforeEvents = '';
  let chartsBeforeEvents = 0;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'tidemark-page-'));
    [browser, system] = await Promise.all([launchChromium(executable ?? ''), startSystem({ dataDir: data })]);
    const nothing = await open(undefined, {}, '.guide');
    beforeEvents = await nothing.locator('body').innerText();
    chartsBeforeEvents = await nothing.locator('canvas').count();
    await system.put([
      ...both((shard) => ({ data: order(t0 + 1, 'tea', 3), shard })),
      ...both((shard) => ({ data: order(t0 + hourMs, 'tea', 5), shard })),
      { data: order(t0 + 2, 'coffee', 4) },
      ...both((shard) => ({ data: order(t0 + 3 * hourMs, 'coffee', 1), shard })),
      { data: 'no order', shard: 1 },
    ]);
    await system.finalize({});
    // Late for its hour, which is closed. Its day still counts it.
    await system.put([{ data: order(t0 + 5, 'tea', 1) }]);
  });
  afterAll(async () => {
    await browser?.close();
    await system?.close();
    await rm(data, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(errors.splice(0)).toEqual([]);
  });

  async function open(
    address = `${system.local.url}/`,
    options: BrowserContextOptions = {},
    until = '#tbody tr',
  ): Promise<Page> {
    const page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(patience.timeout);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(address);
    await page.locator(until).first().waitFor();
    return page;
  }

  const rows = async (page: Page) => (await page.locator('#tbody tr').allInnerTexts()).map((text) => text.split('\t'));
  const said = (page: Page, id: string) => page.locator(`#${id}`).innerText();

  test('says before the first event by which command events come, and draws no chart of nothing', () => {
    const { port } = new URL(system.local.url);
    expect(beforeEvents).toContain(`npx tidemark replay events/*.json --port ${port}`);
    expect(beforeEvents).toContain('There was no epoch yet');
    expect(beforeEvents).not.toContain('1970');
    expect(chartsBeforeEvents).toBe(0);
  });

  test('shows the shape of what comes while the API has not answered yet', async () => {
    const page = await (await browser.newContext()).newPage();
    await page.route('**/v1/**', () => undefined);
    await page.goto(`${system.local.url}/`);
    expect(await said(page, 'connection')).toBe('Waiting for the API');
    expect(await said(page, 'readout')).toBe(`Waiting for the API at ${system.local.url}/v1/`);
    expect(await page.locator('main').getAttribute('aria-busy')).toBe('true');
    expect(await page.locator('.card:has(.bone)').count()).toBeGreaterThan(5);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.reload();
    await page.locator('#tbody tr').first().waitFor();
    expect(await page.locator('.bone').evaluateAll((all) => all.map((one) => one.closest('[id]')?.id))).toEqual([]);
    expect(await page.locator('main').getAttribute('aria-busy')).toBeNull();
  });

  test('shows event times on the clock that is picked, and says its own messages on that of the viewer', async () => {
    const page = await open(`${system.local.url}/?query=byKind`, { timezoneId: 'America/New_York' });
    expect((await rows(page)).at(-1)?.[0]).toBe('2026-01-05 00:00–01:00');
    expect(await said(page, 'readout')).toContain('yours: 2026-01-04 22:00–23:00');
    expect(await said(page, 'history-said')).toContain('On your clock, America/New_York.');
    await page.getByLabel('Times').selectOption({ label: 'America/New_York (yours)' });
    await expect.poll(async () => (await rows(page)).at(-1)?.[0], patience).toBe('2026-01-04 19:00–20:00');
    expect(new URL(page.url()).searchParams.get('zone')).toBe('yours');
    await page.getByRole('combobox', { name: 'Windows' }).selectOption('range');
    await page.getByLabel('From (America/New_York)').fill('2026-01-04T20:00:00');
    await expect.poll(() => rows(page), patience).toHaveLength(2);
    expect(new URL(page.url()).searchParams.get('from')).toBe('2026-01-05T01:00:00Z');
  });

  test('goes back by a length of time from the newest event, and leads out of a range that is empty', async () => {
    const page = await open(`${system.local.url}/?query=byKind`);
    await page.getByRole('combobox', { name: 'Windows' }).selectOption('the last hour');
    await expect
      .poll(async () => (await rows(page)).map((row) => row[0]), patience)
      .toEqual(['2026-01-05 03:00–04:00']);
    await page.goto(`${system.local.url}/?query=byKind&from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z`);
    await page.getByRole('button', { name: 'Show the newest windows' }).click();
    await expect.poll(() => rows(page), patience).toHaveLength(4);
  });

  test('goes on with the history of the last hour after a reload', async () => {
    const page = await open();
    const begins = async () => /It begins at (.*?)\./.exec(await said(page, 'history-said'))?.[1];
    await expect.poll(begins, patience).toBeDefined();
    const before = await begins();
    await page.reload();
    await expect.poll(begins, patience).toBe(before);
  });

  test('draws keys together, stacked, or one for each, as the address says', async () => {
    const page = await open(`${system.local.url}/?query=byKind&form=each`);
    expect(await page.locator('#multiples li').allInnerTexts()).toEqual(['coffee\n3', 'tea\n4']);
    expect(await page.locator('#chart').isHidden()).toBe(true);
    await page.getByRole('combobox', { name: 'Keys' }).selectOption('stacked');
    expect(await page.locator('#chart canvas').count()).toBe(1);
    expect(new URL(page.url()).searchParams.get('form')).toBe('stack');
  });

  test('shows what the API answers: windows, totals, watermark, conservation, and what was set aside', async () => {
    const page = await open();
    expect(await page.title()).toBe('orders · Tidemark');
    expect(await rows(page)).toEqual([
      ['2026-01-05 03:00–04:00', 'coffee', '2', '2', '1', '1', '1', 'open'],
      ['2026-01-05 01:00–02:00', 'tea', '2', '10', '5', '5', '5', 'final'],
      ['2026-01-05 00:00–01:00', 'coffee', '1', '4', '4', '4', '4', 'final'],
      ['2026-01-05 00:00–01:00', 'tea', '2', '6', '3', '3', '3', 'final'],
    ]);
    expect(await said(page, 'keys-said')).toBe('n over the 3 windows shown');
    expect(await said(page, 'keys')).toMatch(/^coffee\s+3\s+tea\s+4$/);
    expect(await said(page, 'watermark')).toContain('Windows that end by 2026-01-05 02:00 are closed');
    expect(await page.locator('.lane').count()).toBe(2);
    expect(await page.locator('.lane.holds').innerText()).toMatch(/shard \d\s+holds it back/);
    expect(await said(page, 'conservation')).toContain('9 received = counted + late + duplicate + rejected + filtered');
    expect(await page.locator('.terms').innerText()).toMatch(
      /8 counted .*0 late .*0 duplicate .*1 rejected .*0 filtered/s,
    );
    const pairs = await page.locator('.pairs tbody tr').allInnerTexts();
    expect(pairs.map((text) => text.split('\t'))).toEqual([
      ['byKind', '7', '1', expect.stringMatching(/^1[23]/), '0'],
      ['daily', '8', '0', expect.stringMatching(/^0/), '0'],
    ]);
    expect(await page.locator('#feed li .reason').allInnerTexts()).toEqual(['late', 'unparsable']);
    expect(await page.locator('#feed li .detail').first().innerText()).toMatch(/event time 2026-01-05 \d\d:\d\d/);
    expect(await page.locator('#chart canvas').count()).toBe(1);
  });

  test('follows the events as they arrive, and the windows as they close, without being loaded again', async () => {
    const page = await open();
    await page.evaluate('window.isTheSame = true');
    await system.put([{ data: order(t0 + 3 * hourMs + 1, 'coffee', 2), shard: 1 }]);
    await expect
      .poll(async () => (await rows(page))[0], patience)
      .toEqual(['2026-01-05 03:00–04:00', 'coffee', '3', '4', '1.333', '1', '2', 'open']);
    await system.put(both((shard) => ({ data: order(t0 + 6 * hourMs, 'water', 1), shard })));
    await system.finalize({});
    await expect
      .poll(async () => (await rows(page)).map((row) => row.at(-1)), patience)
      .toEqual(['open', 'final', 'final', 'final', 'final']);
    await expect.poll(() => said(page, 'conservation'), patience).toContain('12 received');
    expect(await page.evaluate('window.isTheSame')).toBe(true);
  });

  test('keeps query, aggregate and range in the address: it can be shared, and gone back in', async () => {
    const page = await open();
    await page.getByLabel('Query').selectOption('daily');
    await expect.poll(() => page.locator('#tbody tr').count(), patience).toBe(1);
    await page.getByLabel('Aggregate').selectOption('sum');
    expect(new URL(page.url()).search).toBe('?query=daily&aggregate=sum');
    expect(await said(page, 'chart-title')).toBe('sum by window');
    const shared = await open(page.url());
    expect(await said(shared, 'chart-title')).toBe('sum by window');
    await page.goBack();
    await page.goBack();
    await expect.poll(() => page.locator('#tbody tr').count(), patience).toBeGreaterThan(3);

    await page.getByRole('combobox', { name: 'Windows' }).selectOption('range');
    await page.getByLabel('From (UTC)').fill('2026-01-05T00:00:00');
    await page.getByLabel('To (UTC)').fill('2026-01-05T01:00:00');
    await expect.poll(() => rows(page), patience).toHaveLength(2);
    expect(new URL(page.url()).searchParams.get('to')).toBe('2026-01-05T01:00:00Z');
  });

  test('says what is wrong with an address, in the words of the API', async () => {
    const page = await open();
    await page.goto(`${system.local.url}/?query=byKind&from=yesterday`);
    await expect.poll(() => said(page, 'notice'), patience).toMatch(/^400: from: "yesterday" is not a time/);
    expect(await page.locator('.card').first().isHidden()).toBe(true);
    expect(await page.getByRole('link', { name: 'Show the first query' }).getAttribute('href')).toBe('/');
    // The browser notes each answer of 400 by itself.
    expect(
      errors
        .splice(0)
        .every((text) => text.startsWith('Failed to load resource: the server responded with a status of 400')),
    ).toBe(true);
  });

  test('is used by keyboard alone: sorts, filters, and reads the chart window by window', async () => {
    const page = await open();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the table of windows');
    await page.getByRole('button', { name: 'most' }).focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('th[aria-sort]').innerText()).toContain('most');
    expect((await rows(page))[0]?.[1]).toBe('tea');
    await page.keyboard.press('Enter');
    expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('ascending');
    expect(await page.evaluate('document.activeElement.dataset.column')).toBe('most');

    await page.getByLabel('Filter').focus();
    await page.keyboard.type('tea final');
    expect((await rows(page)).map((row) => row[1])).toEqual(['tea', 'tea']);
    expect(new URL(page.url()).searchParams.get('filter')).toBe('tea final');

    const chart = page.getByRole('slider');
    await chart.focus();
    await page.keyboard.press('Home');
    expect(await chart.getAttribute('aria-valuetext')).toBe(
      '2026-01-05 00:00–01:00 · final · coffee 1 · tea 2 · water –',
    );
    await page.keyboard.press('ArrowRight');
    expect(await chart.getAttribute('aria-valuenow')).toBe('1');
    expect(await said(page, 'readout')).toContain('2026-01-05 01:00–02:00 · final');

    const tea = page.getByRole('button', { name: 'tea' });
    await tea.focus();
    await page.keyboard.press('Space');
    expect(await tea.getAttribute('aria-pressed')).toBe('false');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('tea');
  });

  const looks = [
    { name: 'light', options: { colorScheme: 'light' } },
    { name: 'dark', options: { colorScheme: 'dark' } },
    { name: 'phone', options: { viewport: { width: 360, height: 740 }, hasTouch: true } },
  ] as const;
  test.each(looks)(
    'has no accessibility violation that axe knows, and no horizontal scroll ($name)',
    async ({ name, options }) => {
      const page = await open(undefined, options);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
      const ground = String(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
      const [red = 0] = (ground.match(/\d+/g) ?? []).map(Number);
      expect(red < 128).toBe(name === 'dark');
      // Evaluated as the debugger does: the page's own policy admits no other script.
      await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
      const found = (await page.evaluate('axe.run()')) as {
        violations: { id: string; nodes: { html: string }[] }[];
        passes: unknown[];
      };
      expect(found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      expect(found.passes.length).toBeGreaterThan(20);
    },
  );

  test('works below the path of a stage, with and without the last slash', async () => {
    const server = createServer(async (request, response) => {
      const answer = await fetch(system.local.url + (request.url ?? '').replace(/^\/prod/, ''));
      response
        .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
        .end(Buffer.from(await answer.arrayBuffer()));
    });
    const address = await listening(server);
    for (const path of ['/prod', '/prod/']) {
      const page = await open(address + path);
      expect(await page.locator('#api-link').getAttribute('href')).toBe(`${address}/prod/v1/queries`);
      await page.close();
    }
    server.closeAllConnections();
    server.close();
  });

  test('survives that the API goes away and comes back: keeps what it showed, says so, and goes on', async () => {
    const page = await open();
    const before = await rows(page);
    const port = Number(new URL(system.local.url).port);
    await system.close();
    await expect.poll(() => said(page, 'connection'), patience).toContain('The API does not answer; this is of ');
    expect(await rows(page)).toEqual(before);
    await page.waitForFunction('document.body.classList.contains("stale")');

    system = await startSystem({ dataDir: data, port });
    await system.put([{ data: order(t0 + 6 * hourMs + 1, 'milk', 1) }]);
    await expect.poll(() => said(page, 'connection'), patience).toBe('Live');
    await expect.poll(async () => (await rows(page)).map((row) => row[1]), patience).toContain('milk');
    expect(await page.evaluate('document.body.classList.contains("stale")')).toBe(false);
    // The browser itself logs each request that failed. The page has nothing to add.
    expect(
      errors
        .splice(0)
        .filter(
          (text) => !/^Failed to load resource: (net::ERR_|the server responded with a status of 50\d)/.test(text),
        ),
    ).toEqual([]);
  });
});

function both(sent: (shard: 0 | 1) => Sent): readonly Sent[] {
  return ([0, 1] as const).map(sent);
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
