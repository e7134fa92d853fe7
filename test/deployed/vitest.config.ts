import { defineConfig } from 'vitest/config';

/**
 * The suite for a deployed stack: its scenarios follow one another on one stack, so that the first failure ends the
 * suite.
 */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/deployed/**/*.test.ts'],
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    reporters: ['verbose'],
    bail: 1,
    maxWorkers: 1,
    // Tests wait for deployments and schedules: LocalStack deploys in 50 s, and a rule fires once a minute.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
