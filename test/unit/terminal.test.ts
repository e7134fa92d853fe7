import { Writable } from 'node:stream';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { commandGroups, commands } from '../../cli/commands.ts';
import { connectionHeading } from '../../cli/help.ts';
import { program } from '../../cli/parser.ts';
import { formatNumber } from '../../cli/print/number-text.ts';
import { createProgress } from '../../cli/print/progress.ts';
import { printRows, type ResultRow } from '../../cli/print/result-table.ts';
import { createScreen } from '../../cli/print/screen.ts';
import { type Column, formatTable } from '../../cli/print/table.ts';
import { spanText, timeText, windowText } from '../../cli/print/time-text.ts';
import { wrapped } from '../../cli/print/wrap.ts';
import { command } from '../fixtures/system/command-line.ts';

const at = (text: string) => Date.parse(text);
const hourMs = 3_600_000;

/** An output that keeps what is written to it, as a terminal of a width or as a pipe. */
function output(columns?: number) {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  if (columns !== undefined) Object.assign(stream, { isTTY: true, columns });
  return { stream, text: () => text };
}

const widest = (text: string) => Math.max(...text.split('\n').map((line) => stringWidth(line)));

describe('a table', () => {
  const columns: readonly Column[] = [
    { heading: 'window', cut: 'never' },
    { heading: 'country' },
    ...Array.from({ length: 6 }, (_, i) => ({ heading: `sum${i}`, align: 'right' as const })),
  ];
  const row = ['2016-07-26 02:00–03:00', 'Côte d’Ivoire, 象牙海岸 and more', ...Array(6).fill(1_234_567.891)];

  it.each([40, 80, 120])('of 8 columns fits %i characters, and says how many of them are shown', (width) => {
    const table = formatTable(columns, [row], width);
    expect(widest(table)).toBeLessThanOrEqual(width);
    const shown = /\(8 columns, (\d) shown/.exec(table)?.[1];
    expect(shown === undefined).toBe(!table.includes('│ … │'));
    // A part of a number reads as another number.
    for (const number of table.match(/1,234\S*/g) ?? []) expect(number).toBe('1,234,568');
  });

  it('is whole in a pipe, however wide', () => {
    const table = formatTable(columns, [row]);
    expect(table).toContain(' Côte d’Ivoire, 象牙海岸 and more ');
    expect(table.match(/1,234,568/g)).toHaveLength(6);
    expect(table).not.toContain('shown');
  });

  it('shortens text before it leaves out a column, and keeps its frame straight', () => {
    const table = formatTable(columns.slice(0, 4), [row.slice(0, 4)], 70);
    expect(table).toContain('…');
    expect(table).not.toContain('shown');
    expect(new Set(table.split('\n').map((line) => stringWidth(line))).size).toBe(1);
  });

  it('has rows without end, a line each', () => {
    const lines = formatTable(
      [{ heading: 'n' }],
      Array.from({ length: 100_000 }, (_, i) => [i]),
    ).split('\n');
    expect(lines).toHaveLength(100_004);
  });

  it('holds no control characters of a cell', () => {
    expect(formatTable([{ heading: 'text' }], [['a\u001b[31m\nb']])).toContain('│ a?[31m?b │');
  });
});

describe('times', () => {
  it.each<[text: string, start: string, end: string, zone?: string]>([
    ['2016-07-26 02:00–03:00', '2016-07-26T02:00Z', '2016-07-26T03:00Z'],
    ['2016-07-26 02:00:30–02:00:30.500', '2016-07-26T02:00:30Z', '2016-07-26T02:00:30.500Z'],
    ['2016-07-26 23:00–00:00', '2016-07-26T23:00Z', '2016-07-27T00:00Z'],
    ['2016-07-26 23:00 – 2016-07-27 01:00', '2016-07-26T23:00Z', '2016-07-27T01:00Z'],
    ['2016-07-26', '2016-07-26T00:00Z', '2016-07-27T00:00Z'],
    ['2016-07-25 – 2016-07-31', '2016-07-25T00:00Z', '2016-08-01T00:00Z'],
    ['2016-02', '2016-02-01T00:00Z', '2016-03-01T00:00Z'],
    ['2026-03-29', '2026-03-28T23:00Z', '2026-03-29T22:00Z', 'Europe/Berlin'], // of 23 hours
    ['2026-10-25', '2026-10-24T22:00Z', '2026-10-25T23:00Z', 'Europe/Berlin'], // of 25 hours
    ['2026-10-25 02:00+02:00–02:00+01:00', '2026-10-25T00:00Z', '2026-10-25T01:00Z', 'Europe/Berlin'],
    ['2026-10-25 02:00+01:00–03:00', '2026-10-25T01:00Z', '2026-10-25T02:00Z', 'Europe/Berlin'],
    ['2018-11-04', '2018-11-04T03:00Z', '2018-11-05T02:00Z', 'America/Sao_Paulo'], // begins at 01:00
  ])('of a window are %s', (text, start, end, zone) => {
    expect(windowText(at(start), at(end), zone)).toBe(text);
  });

  it('have no zeros that say nothing', () => {
    expect(timeText(at('2016-07-26T02:00:00Z'))).toBe('2016-07-26 02:00');
    expect(timeText(at('2016-07-26T02:00:07Z'))).toBe('2016-07-26 02:00:07');
    expect([0, 900, 90_000, 24 * hourMs, 49 * hourMs].map(spanText)).toEqual([
      '0',
      '900 ms',
      '1 min 30 s',
      '24 h',
      '2 d 1 h',
    ]);
  });
});

it('numbers are rounded for people', () => {
  expect([0, -0, 7, 1234, 0.1 + 0.2, 0.00012345, 12.3456, 123_456.789, 1e21, 1e-9, -2.5].map(formatNumber)).toEqual([
    '0',
    '0',
    '7',
    '1,234',
    '0.3',
    '0.000123',
    '12.346',
    '123,457',
    '1e21',
    '1e-9',
    '-2.5',
  ]);
});

describe('windows', () => {
  const rows: readonly ResultRow[] = [
    {
      query: 'byDay',
      start: at('2026-03-28T23:00Z'),
      end: at('2026-03-29T22:00Z'),
      key: { shop: 'a' },
      values: { mean: 0.1 + 0.2 },
      status: 'open',
      revision: null,
    },
  ];

  it('are days of their zone on a terminal, with their status unless all are final', () => {
    const { stream, text } = output(80);
    printRows(rows, 'table', stream, { zones: { byDay: 'Europe/Berlin' } });
    expect(text()).toMatch(/│ window \(Europe\/Berlin\) │ shop │ mean │ status │\n/);
    expect(text()).toMatch(/│ 2026-03-29 +│ a {4}│ {2}0\.3 │ open {3}│\n/);
  });

  it('are exact as JSON', () => {
    const { stream, text } = output(80);
    printRows(rows, 'json', stream);
    expect(JSON.parse(text())).toEqual(rows[0]);
  });
});

describe('lines for people', () => {
  it('are broken between words, and go on indented', () => {
    expect(wrapped('  one two three\nfour', 12)).toBe('  one two\n    three\nfour');
    expect(wrapped('x'.repeat(20), Number.POSITIVE_INFINITY)).toHaveLength(20);
  });
});

describe('the progress', () => {
  /** Half of 100 after 5 s, at one a tenth of a second. */
  const run = (progress: ReturnType<typeof createProgress>, clock: { ms: number }) => {
    for (let done = 0; done < 50; done++) {
      clock.ms += 100;
      progress.update(done + 1, `${done + 1} of them`);
    }
  };

  it('is plain lines in a pipe, at most one a second, which say how long it will be', () => {
    const clock = { ms: 0 };
    const { stream, text } = output();
    const progress = createProgress({ label: 'work', total: 100 }, { stderr: stream, now: () => clock.ms });
    run(progress, clock);
    progress.stop('done');
    const lines = text().trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[0]).toBe('work 10 %: 10 of them');
    expect(lines[4]).toBe('work 50 %: 50 of them, 5 s left');
    expect(lines[5]).toBe('work: done');
  });

  it('is one line at the bottom of a terminal, and what is written meanwhile comes above it and stays', () => {
    const clock = { ms: 0 };
    const shown = output(80);
    const terminal = shown.stream as unknown as NodeJS.WriteStream;
    const screen = createScreen(terminal, terminal);
    const progress = createProgress({ label: 'work', total: 100 }, { stderr: screen.stderr, now: () => clock.ms });
    run(progress, clock);
    screen.stdout.write('killed the functions\n');
    run(progress, clock);
    progress.stop('');
    const [lines, bottom] = drawn(shown.text());
    expect(lines).toEqual(['killed the functions']);
    expect(bottom).toBe('');
    expect(shown.text()).toMatch(/work █{12}░{12} 50 % · 50 of them, 5 s left/);
    expect(shown.text().replaceAll(erase, '')).not.toContain('\u001b'); // nothing is saved and restored
  });

  it('says nothing of work that is done before it is worth it', () => {
    const { stream, text } = output();
    const progress = createProgress({ label: 'work', total: 100, afterMs: 1000 }, { stderr: stream, now: () => 0 });
    progress.update(50, 'half');
    progress.stop('done');
    expect(text()).toBe('');
  });

  const erase = '\r\u001b[K';

  /** What a terminal shows after text with returns and erasures: the lines above, and the one where the cursor is. */
  function drawn(text: string): readonly [lines: readonly string[], bottom: string] {
    const lines: string[] = [];
    let line = '';
    for (const piece of text.replaceAll(erase, '\r').split(/(\r|\n)/)) {
      if (piece === '\n') {
        lines.push(line);
        line = '';
      } else if (piece === '\r') line = '';
      else line += piece;
    }
    return [lines, line];
  }
});

describe('help', () => {
  it('has the commands in groups', async () => {
    const { stdout } = await command(['--help']);
    const headings = Object.values(commandGroups).map((heading) => stdout.indexOf(`\n${heading}\n`));
    expect(headings.every((place) => place > 0)).toBe(true);
    expect(headings).toEqual([...headings].sort((left, right) => left - right));
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });

  it.each(commands.map(({ name }) => name))('of %s fits 80 columns', async (name) => {
    const { code, stdout } = await command(['help', name]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: tidemark ${name}`);
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });

  it('explains the connection once', async () => {
    const [windows, topic] = [await command(['windows', '--help']), await command(['help', 'connection'])];
    expect(windows.stdout).toMatch(/^Connection: --port PORT, [\s\S]*\(tidemark help connection\)/m);
    expect(windows.stdout).not.toContain('--profile <name>');
    for (const option of ['--port', '--endpoint', '--profile', '--region', '--stack', '--api'])
      expect(topic.stdout).toContain(`\n  ${option} <`);
    expect([topic.code, widest(topic.stdout) <= 80]).toEqual([0, true]);
  });

  it('is objects of commander for a script: commands with groups, arguments and options', async () => {
    const main = await program();
    const named = new Map(main.commands.map((sub) => [sub.name(), sub]));
    for (const { name, group } of commands) expect(named.get(name)?.helpGroup()).toBe(commandGroups[group]);
    const port = named.get('windows')?.options.find(({ long }) => long === '--port');
    expect(port).toMatchObject({
      helpGroupHeading: connectionHeading,
      description: expect.stringContaining('tidemark up'),
    });
  });
});
