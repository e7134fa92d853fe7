import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateOpenClose, type OpenCloseOptions, openCloseDefaults } from '../../cli/sample/open-close.ts';

interface Event {
  readonly time: number;
  readonly action: 'Open' | 'Close';
}

const hour = 3600;
const clean = generateOpenClose({ ...openCloseDefaults, quality: 'clean' });
const real = generateOpenClose(openCloseDefaults);

function linesOf(bytes: Buffer): string[] {
  return bytes.toString('latin1').split('\n').slice(0, -1);
}

/** The valid events of the sample's own time. Undefined for every other line. */
function eventOf(line: string): Event | undefined {
  try {
    const event = JSON.parse(line);
    return Number.isInteger(event?.time) && /^(Open|Close)$/.test(event?.action) && event.time < 4_000_000_000
      ? event
      : undefined;
  } catch {
    return undefined;
  }
}

function eventsOf({ files }: typeof clean): Event[] {
  return files.flatMap(({ bytes }) => linesOf(bytes).flatMap((line) => eventOf(line) ?? []));
}

function digest({ files }: typeof clean): string {
  const hash = createHash('sha256');
  for (const { name, bytes } of files) hash.update(name).update(bytes);
  return hash.digest('hex');
}

function make(options: Partial<OpenCloseOptions>) {
  return generateOpenClose({ seed: 1, files: 4, events: 400, quality: 'real', ...options });
}

describe('the clean open-close sample', () => {
  const events = eventsOf(clean);

  it('is 50 files of 2,000 lines, named so that the shell orders them', () => {
    expect(clean.files).toHaveLength(50);
    expect(clean.files.map(({ bytes }) => linesOf(bytes).length)).toEqual(Array(50).fill(2000));
    expect(clean.files.map(({ name }) => name).sort()).toEqual(clean.files.map(({ name }) => name));
    expect(clean.files[7]?.name).toBe('events-07.json');
  });

  it('has lines that are exactly what JSON.stringify writes, time first', () => {
    const odd = clean.files
      .flatMap(({ bytes }) => linesOf(bytes))
      .filter((line) => !/^\{"time":\d{10},"action":"(Open|Close)"\}$/.test(line));
    expect(odd).toEqual([]);
  });

  it('has 50,000 of each action between its first and its last second, and begins with the first Open', () => {
    expect(events.filter(({ action }) => action === 'Open')).toHaveLength(50_000);
    expect(events).toHaveLength(100_000);
    expect(events[0]).toEqual({ time: 1_469_501_107, action: 'Open' });
    expect(events.reduce((least, { time }) => Math.min(least, time), Infinity)).toBe(1_469_501_107);
    expect(new Date(events.reduce((most, { time }) => Math.max(most, time), 0) * 1000).toISOString()).toMatch(
      /^2016-07-28T06:46/,
    );
  });

  it('closes each device after it was opened: the nth Close is later than the nth Open', () => {
    const sorted = (wanted: string) =>
      events
        .filter(({ action }) => action === wanted)
        .map(({ time }) => time)
        .sort((a, b) => a - b);
    const closes = sorted('Close');
    expect(sorted('Open').filter((opened, index) => (closes[index] ?? 0) <= opened)).toEqual([]);
  });

  it('is out of order inside and across files, by no more than five minutes', () => {
    let latest = 0;
    let across = 0;
    let most = 0;
    let back = 0;
    for (const { bytes } of clean.files) {
      const before = latest;
      for (const line of linesOf(bytes)) {
        const time = eventOf(line)?.time ?? 0;
        if (time < latest) back += 1;
        if (time < before) across += 1;
        most = Math.max(most, latest - time);
        latest = Math.max(latest, time);
      }
    }
    expect(back).toBeGreaterThan(10_000);
    expect(across).toBeGreaterThan(50);
    expect(most).toBeLessThanOrEqual(300);
  });

  it.each([1, 4, 7])(
    'has nothing late with a delay of one hour, one file a trigger in packs round %i shards',
    (shards) => {
      expect(lateOf(clean, { shards, delay: hour })).toBe(0);
    },
  );
});

describe('the dirt of the open-close sample', () => {
  it('keeps the same events, as a multiset', () => {
    const sorted = (sample: typeof clean) =>
      eventsOf(sample)
        .map(({ time, action }) => `${time}${action}`)
        .sort();
    expect(sorted(real)).toEqual(sorted(clean));
  });

  it('leaves the first line of the first file', () => {
    expect(linesOf(real.files[0]?.bytes ?? Buffer.alloc(0))[0]).toBe('{"time":1469501107,"action":"Open"}');
  });

  it('has as much of everything as its manifest says', () => {
    const lines = real.files.flatMap(({ bytes }) => linesOf(bytes));
    const future = lines.filter((line) => /"time":41\d{8}/.test(line)).length;
    expect(real.manifest).toEqual({
      files: 50,
      events: 100_000,
      open: 50_000,
      close: 50_000,
      movedLate: 1000,
      farTooLate: 100,
      malformed: 40,
      future: 10,
    });
    expect(future).toBe(10);
    expect(lines.filter((line) => eventOf(line) === undefined)).toHaveLength(50);
    expect(real.files.some(({ bytes }) => !bytes.equals(Buffer.from(bytes.toString('utf8'))))).toBe(true);
  });

  it('moves events to later files only, some within half an hour and some far beyond', () => {
    const places = (sample: typeof clean) => {
      const files = new Map<string, number[]>();
      sample.files.forEach(({ bytes }, index) => {
        for (const line of linesOf(bytes)) if (eventOf(line)) files.set(line, [...(files.get(line) ?? []), index]);
      });
      return files;
    };
    const [before, after] = [places(clean), places(real)];
    let moved = 0;
    let movedBack = 0;
    for (const [line, files] of before) {
      (after.get(line) ?? []).forEach((file, index) => {
        if (file > (files[index] ?? 0)) moved += 1;
        if (file < (files[index] ?? 0)) movedBack += 1;
      });
    }
    expect(movedBack).toBe(0);
    // a moved event may take the place of an equal one that was moved from there
    expect(moved).toBeGreaterThan(1000);
    expect(moved).toBeLessThanOrEqual(1100);
    let latest = 0;
    const lags = eventsOf(real).map(({ time }) => {
      latest = Math.max(latest, time);
      return latest - time;
    });
    expect(lags.filter((lag) => lag > 1800 && lag < 7.9 * hour)).toEqual([]);
    expect(lags.filter((lag) => lag > 7.9 * hour)).toHaveLength(100);
  });

  it.each([
    [1, 1],
    [1, 4],
    [2, 4],
    [4, 4],
    [1, 7],
  ])('makes exactly the far too late events late with a delay of %i hours on %i shards', (hours, shards) => {
    expect(lateOf(real, { shards, delay: hours * hour })).toBe(100);
  });
});

describe('the seed of the open-close sample', () => {
  it('gives the bytes of the default sample, for ever', () => {
    expect([digest(clean).slice(0, 16), digest(real).slice(0, 16)]).toMatchInlineSnapshot(`
      [
        "9e9772cc59c6fe46",
        "dfa71ad2ae831a16",
      ]
    `);
  });

  it('gives the same bytes again, and another seed others', () => {
    expect(digest(make({}))).toBe(digest(make({})));
    expect(digest(make({ seed: 2 }))).not.toBe(digest(make({})));
  });

  it.each([
    { files: 1, events: 2 },
    { files: 1, events: 1000 },
    { files: 3, events: 10 },
    { files: 500, events: 2000 },
  ])('works for $events events in $files files', (options) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const sample = make({ ...options, seed });
      expect(sample.files).toHaveLength(options.files);
      expect(eventsOf(sample)).toHaveLength(options.events);
      expect(eventsOf(sample)[0]).toEqual({ time: 1_469_501_107, action: 'Open' });
    }
  });
});

describe('the earthquakes example', () => {
  it('is 1,707 events in the order of their updates', () => {
    const file = path.join(import.meta.dirname, '../../examples/earthquakes/earthquakes.ndjson');
    const updates = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line): number => JSON.parse(line).updated);
    expect(updates).toHaveLength(1707);
    expect(updates).toEqual([...updates].sort((a, b) => a - b));
  });
});

/**
 * Counts the events whose hour is closed when they are applied, by the rules of DESIGN 1: packs of 25 KB go to the
 * shards in turn, each shard has a watermark, the least of them counts after each file, and windows last an hour.
 */
function lateOf(sample: typeof clean, { shards, delay }: { shards: number; delay: number }): number {
  const greatest = Array<number>(shards).fill(-Infinity);
  let watermark = -Infinity;
  let turn = 0;
  let late = 0;
  for (const { bytes } of sample.files) {
    let packed = 0;
    for (const line of linesOf(bytes)) {
      packed += line.length + 8;
      if (packed > 25_000) {
        packed = 0;
        turn = (turn + 1) % shards;
      }
      const event = eventOf(line);
      if (event === undefined) continue;
      if ((Math.floor(event.time / hour) + 1) * hour <= watermark) late += 1;
      greatest[turn] = Math.max(greatest[turn] ?? -Infinity, event.time);
    }
    turn = (turn + 1) % shards;
    watermark = Math.max(watermark, Math.min(...greatest) - delay);
  }
  return late;
}
