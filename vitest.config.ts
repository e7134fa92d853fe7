import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // npm run test:deployed needs somewhere to deploy to, npm run test:kafka a broker, npm run test:package the npm registry.
    exclude: [...configDefaults.exclude, 'test/deployed/**', 'test/kafka/**', 'test/package/**'],
    // The SDK's notice about Node 20 is for its users' logs, not for ours.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores, shared: more workers only make every one of them slower.
    maxWorkers: 2,
  },
});
