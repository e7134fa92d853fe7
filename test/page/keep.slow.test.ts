import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
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
      // Over several finalize runs, and after the sample's last hour: of the events that arrive now, almost none is
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
  });
});
