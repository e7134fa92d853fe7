import { expect, it } from 'vitest';
import { drawOptions } from './options.ts';
import { runMany } from './run-many.ts';

/** Tests a bounded part of `npm run simulate`. A failure says how to go on from its seed. */
export function testSeeds(seeds: number): void {
  it(`finds no violation in ${seeds} seeds`, async () => {
    const failures: string[] = [];
    const seen = { late: 0, final: 0 };
    await runMany(
      Array.from({ length: seeds }, (_, i) => drawOptions(i + 1)),
      ({ options, violation, lateEvents, finalWindows }) => {
        seen.late += lateEvents;
        seen.final += finalWindows;
        if (violation !== undefined) failures.push(`npm run simulate -- --seed ${options.seed}: ${violation.message}`);
        return 'go on';
      },
    );
    expect(failures).toStrictEqual([]);
    // A test in which nothing is ever late would prove little.
    expect(seen.late).toBeGreaterThan(0);
    expect(seen.final).toBeGreaterThan(seeds);
  });
}
