import { defineConfig } from 'vitest/config';

/** This needs the npm registry, and a minute. It is not a part of `npm test`. Time-outs are for hangs only. */
export default defineConfig({
  test: { include: ['test/package/*.test.ts'], testTimeout: 600_000, hookTimeout: 900_000, maxWorkers: 1 },
});
