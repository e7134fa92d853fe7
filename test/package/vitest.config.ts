import { defineConfig } from 'vitest/config';

/** This needs the npm registry, and some 20 s. It is not a part of `npm test`. */
export default defineConfig({
  test: { include: ['test/package/*.test.ts'], testTimeout: 120_000, hookTimeout: 300_000 },
});
