import { defineConfig } from 'vitest/config';

/** Needs the npm registry, and some 20 s: not a part of `npm test`. */
export default defineConfig({
  test: { include: ['test/package/*.test.ts'], testTimeout: 120_000, hookTimeout: 300_000 },
});
