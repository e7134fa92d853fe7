import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { endlessFrom, endlessOpenClose } from '../../cli/sample/endless.ts';
import { launch } from '../fixtures/system/command-line.ts';

describe('npm run demo -- --keep', () => {
  test('ends with the address of a page whose numbers go on, and whose windows close, until Ctrl-C', async () => {
    const demo = launch(['demo', '--keep']);
    const output = await new Promise<string>((resolve, reject) => {
      let text = '';
      demo.child.stdout?.on('data', (chunk: string) => {
        text += chunk;
        if (/\nthe page: \S+/.test(text)) resolve(text);
      });
      demo.ended.then(({ stderr }) => reject(new Error(`it ended: ${stderr}`)), reject);
    });
    const url = /\nthe page: (\S+) \(/.exec(output)?.[1] ?? '';
    expect(await (await fetch(url)).text()).toContain('<title>Tidemark</title>');
    const read = async (path: string) =>
      (await (await fetch(`${url}v1/${path}`)).json()) as Readonly<Record<string, number>>;
    const [before, from] = await Promise.all([read('conservation'), read('watermark')]);
    const goesOn = async () => {
      const [now, watermark] = await Promise.all([read('conservation'), read('watermark')]);
      // Over several finalize runs, and with the sample's last hour behind it: of what arrives now almost nothing is
      // late.
      return (
        Number(now.received) > Number(before.received) + 1000 &&
        Number(watermark.finalizedThrough) > Number(from.finalizedThrough) &&
        now.holds
      );
    };
    while (!(await goesOn()))
      await Promise.race([delay(200), demo.ended.then(() => Promise.reject(new Error('it ended')))]);
    const late = Number((await read('conservation')).late) - Number(before.late);
    expect(late).toBeLessThan(100);
    demo.child.kill('SIGINT');
    const { code, stderr } = await demo.ended;
    expect([code, stderr.split('\n').filter((line) => line.startsWith('tidemark:'))]).toEqual([130, []]);
    await expect(fetch(url)).rejects.toThrow();
  }, 120_000);
});

describe('the sample that never ends', () => {
  const seed = 7;
  const times = (lines: Buffer) =>
    lines
      .toString()
      .split('\n')
      .flatMap((line) => /^\{"time":(\d+),"action":"(?:Open|Close)"\}$/.exec(line)?.[1] ?? [])
      .map(Number);

  test('is the same for the same seed and moments, and another one for another seed', () => {
    const [one, other] = [endlessOpenClose(seed), endlessOpenClose(seed)];
    for (const second of [10, 3600, 3601, 7200])
      expect(one.until(endlessFrom + second)).toEqual(other.until(endlessFrom + second));
    expect(endlessOpenClose(8).until(endlessFrom + 60)).not.toEqual(endlessOpenClose(seed).until(endlessFrom + 60));
  });

  test('begins where the drained sample ends, and is as busy as the sample, with little that is late', () => {
    const endless = endlessOpenClose(seed);
    const all = times(endless.until(endlessFrom + 24 * 3600));
    expect(Math.abs(all.length - 48_000)).toBeLessThan(6000);
    const tooLate = all.filter((time) => time < endlessFrom).length;
    expect(tooLate).toBeGreaterThan(0);
    expect(tooLate).toBeLessThan(100);
    expect(Math.max(...all)).toBeLessThan(endlessFrom + 24 * 3600);
    expect(endless.until(endlessFrom + 24 * 3600)).toHaveLength(0);
  });
});
