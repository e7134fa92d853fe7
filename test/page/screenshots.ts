import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { seededRandom } from '../../functions/testing/random.ts';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { launch } from '../fixtures/system/command-line.ts';
import { findChromium, launchChromium } from './chromium.ts';

const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true };
const dark: BrowserContextOptions = { colorScheme: 'dark' };

/** How long events come before pictures of a running page are taken. */
const liveSeconds = 70;

/**
 * Takes a picture of each state of the page, of the system as a user starts it, with events that come while the
 * pictures are taken.
 * @param folder where they go
 * @returns the exit code
 */
export async function takeScreenshots(folder: string, say: (line: string) => void): Promise<number> {
  const executable = findChromium();
  if (executable === undefined) {
    say('skipped: needs Chromium (apt-get install chromium, or CHROMIUM=its path)');
    return 0;
  }
  const work = mkdtempSync(join(tmpdir(), 'tidemark-screenshots-'));
  mkdirSync(join(folder, 'page'), { recursive: true });
  const up = await startUp({ SHOP_FOLDER: join(work, 'archive') });
  const browser = await launchChromium(executable);
  const camera = createCamera(browser, folder, up.url, say);
  try {
    await camera.shoot('page/waiting', { before: (page) => page.route('**/v1/**', () => undefined) });
    await camera.shoot('page/empty', { until: '.guide', height: 820 });
    await camera.shoot('page/error', { search: '?query=ordersByPlanet', until: '#notice:not([hidden])', height: 260 });
    await putPast(up, work);
    const watcher = await camera.open({ search: '?query=ordersByCountry' });
    await up.live(liveSeconds);
    const kept = String(await watcher.evaluate('JSON.stringify(sessionStorage)'));
    const shoot = (name: string, shot: Shot) => camera.shoot(name, { kept, ...shot });
    await shoot('page', { search: '?query=ordersByCountry', height: 1740 });
    await shoot('page-dark', { search: '?query=ordersByCountry', options: dark, height: 1330 });
    await shoot('page-phone', { search: '?query=ordersByCountry', options: phone, height: 1700 });
    await shoot('page/keys', { search: '?query=ordersByProduct&last=24', height: 1300, until: '.pin', act: pinOne });
    await shoot('page/keys-each', { search: '?query=ordersByProduct&last=24&form=each', height: 900 });
    await shoot('page/days', { search: '?query=ordersByDay', height: 680, options: { timezoneId: 'Europe/Berlin' } });
    await shoot('page/wide-phone', { search: '?query=wide&last=12', options: phone, only: '#table' });
    await up.live(20);
    await up.tidemark('late', 'replay', '--query', 'ordersByCountry');
    await shoot('page/sinks', { search: '?query=ordersByCountry', only: '#sinks-card', act: openLetters });
    await shoot('page/operations', { search: '?query=ordersByCountry', only: 'section:has(> #operations-title)' });
    await up.stop();
    await watcher.locator('body.stale').waitFor();
    await camera.picture(watcher, 'page/away', { height: 560 });
    return 0;
  } finally {
    await browser.close();
    await up.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

/** What a picture is of. */
interface Shot {
  readonly search?: string;
  readonly options?: BrowserContextOptions;
  /** Called before the page is loaded. */
  readonly before?: (page: Page) => Promise<unknown>;
  /** What has to be there. @default the rows of the table */
  readonly until?: string;
  /** Called when it is there. */
  readonly act?: (page: Page) => Promise<unknown>;
  /** The session storage of a page that has seen more, as JSON. */
  readonly kept?: string;
  /** Only this element. @default the whole page, from its top */
  readonly only?: string;
  /** Most CSS pixels from the top. @default 2400 */
  readonly height?: number;
}

function createCamera(browser: Browser, folder: string, url: string, say: (line: string) => void) {
  async function open({ search = '', options = {}, before, until = '#tbody tr', kept }: Shot): Promise<Page> {
    const usual = { viewport: { width: 1240, height: 900 } };
    const context = await browser.newContext({ ...usual, reducedMotion: 'reduce', timezoneId: 'UTC', ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(300_000);
    if (kept !== undefined)
      await page.addInitScript(`for (const [k, v] of Object.entries(${kept})) sessionStorage.setItem(k, v);`);
    await before?.(page);
    // A machine that is busy may start the function too slowly for its first request.
    while ((await page.goto(`${url}/${search}`))?.status() !== 200);
    if (before === undefined) await page.locator(until).first().waitFor();
    return page;
  }

  async function picture(page: Page, name: string, { only, height = 2400, options }: Shot): Promise<void> {
    const path = join(folder, `${name}.png`);
    if (only !== undefined) await page.locator(only).screenshot({ path });
    else {
      const whole = Number(await page.evaluate('Math.ceil(document.body.getBoundingClientRect().bottom)'));
      await page.evaluate('scrollTo(0, 0)');
      const { width = 1240 } = options?.viewport ?? {};
      await page.setViewportSize({ width, height: Math.min(whole, height) });
      await page.screenshot({ path });
    }
    // Where it is installed, it makes them a third as large.
    spawnSync('pngquant', ['--force', '--strip', '--skip-if-larger', '--output', path, path]);
    say(`${path}: ${Math.ceil(statSync(path).size / 1024)} KB`);
  }

  return {
    open,
    picture,
    async shoot(name: string, shot: Shot): Promise<void> {
      const page = await open(shot);
      await shot.act?.(page);
      // A second poll, so that rates are known.
      if (shot.before === undefined && shot.until === undefined) await page.waitForResponse(/conservation/);
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      await picture(page, name, shot);
      await page.context().close();
    },
  };
}

async function pinOne(page: Page): Promise<void> {
  await page.locator('#keys .pin').nth(20).click();
  await page.waitForResponse(/conservation/);
}

async function openLetters(page: Page): Promise<void> {
  await page.waitForResponse(/sinks/);
  for (const details of await page.locator('#sinks details').all())
    await details.evaluate('(it) => { it.open = true; }');
}

/** `tidemark up` with the shop, as a child process. */
async function startUp(environment: Readonly<Record<string, string>>) {
  const pipeline = join(findPackageRoot(), 'test', 'page', 'shop.ts');
  const words = ['up', '--pipeline', pipeline, '--port', '0', '--finalize-every', '5', '--json'];
  const up = launch(words, { ...process.env, ...environment });
  const { url } = JSON.parse(await up.firstLine()) as { readonly url: string };
  const { port } = new URL(url);
  const random = seededRandom(1).unit;

  async function post(events: readonly unknown[]): Promise<void> {
    const body = events.map((event) => JSON.stringify(event)).join('\n');
    const headers = { 'content-type': 'application/x-ndjson' };
    const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers, body });
    if (answer.status !== 202 && answer.status !== 207 && answer.status !== 422)
      throw new Error(`${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
  }

  return {
    url,
    random,
    async tidemark(...given: readonly string[]): Promise<void> {
      const { code, stderr } = await launch([...given, '--port', port]).ended;
      if (code !== 0) throw new Error(stderr);
    },
    /** Events as time goes by, some of which are late. */
    async live(seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second++) {
        const now = Date.now();
        const wave = 1 + Math.sin(second / 9) / 2;
        const events = Array.from({ length: Math.round(60 * wave) }, () => orderAt(now - 1000 * random(), random));
        if (second % 4 === 0) events.push(orderAt(now - 600_000 * (1 + random()), random));
        await post(events);
        await delay(Math.max(0, now + 1000 - Date.now()));
      }
    },
    async stop(): Promise<void> {
      up.child.kill('SIGINT');
      await up.ended;
    },
  };
}

/** An hour that is over, and the days before, from a file. */
async function putPast({ random, tidemark }: Awaited<ReturnType<typeof startUp>>, work: string): Promise<void> {
  const now = Date.now();
  const dayMs = 86_400_000;
  // Within minutes of each day: every window more is one more to emit.
  const days = Array.from({ length: 8 }, (_, day) => now - (8 - day) * dayMs).flatMap((day) =>
    Array.from({ length: 3000 + Math.round(6000 * random()) }, () => orderAt(day + random() * 240_000, random)),
  );
  const hour = Array.from({ length: 9000 }, () => {
    const ago = random();
    return orderAt(now - 3_600_000 * ago, random);
  });
  const lines = [...days, ...hour].sort((one, other) => one.time - other.time).map((event) => JSON.stringify(event));
  lines.splice(4000, 0, '{"time":"yesterday"}', 'half a li', '{"time":1,"country":"DE"}');
  const path = join(work, 'past.json');
  writeFileSync(path, `${lines.join('\n')}\n`);
  await tidemark('replay', path);
}

const countries = ['DE', 'FR', 'IT', 'ES'] as const;
const payments = ['card', 'invoice', 'voucher'] as const;
const materials = ['oak', 'ash', 'steel', 'glass', 'linen', 'wool', 'stone', 'paper', 'cork', 'brass'] as const;
const things = ['lamp', 'table', 'chair', 'shelf', 'clock'] as const;

function orderAt(time: number, random: () => number) {
  // Some countries and products are ordered more often than others.
  const pick = <Thing>(all: readonly Thing[], power: number): Thing | undefined =>
    all[Math.floor(all.length * random() ** power)];
  return {
    time: Math.floor(time),
    country: pick(countries, 1.6),
    product: `${pick(materials, 1.5)} ${pick(things, 1.3)}`,
    payment: pick(payments, 1.5),
    amount: Math.round(500 + 9500 * random() ** 3) / 100,
    customer: `c${Math.floor(400 * random())}`,
  };
}
