import { defineConfig } from 'vitest/config';

/**
 * The suite that needs a broker, and so Java; it is not a part of `npm test`. All files share one broker, and have
 * topics of their own.
 */
export default defineConfig({
  test: {
    include: ['test/kafka/*.test.ts'],
    globalSetup: ['test/kafka/broker.ts'],
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    testTimeout: 300_000,
    hookTimeout: 120_000,
    // Polls for long: brokers and groups take their time, and a busy machine takes more.
    expect: { poll: { timeout: 90_000 } },
    maxWorkers: 1,
  },
});
