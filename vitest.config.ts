import { configDefaults, defineConfig } from 'vitest/config';

/** Tests of parts, which change nothing that another file could see: they share what they import. */
const ofParts = ['test/unit/**/*.test.ts', 'test/property/**/*.test.ts', 'test/template/**/*.test.ts'];

export default defineConfig({
  test: {
    // The SDK's notice about Node 20 is for its users' logs, not for ours.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores, shared: more workers only make every one of them slower.
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'parts', include: ofParts, isolate: false } },
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts'],
          // npm run test:deployed needs somewhere to deploy to, npm run test:kafka a broker, npm run test:package the
          // npm registry.
          exclude: [...configDefaults.exclude, ...ofParts, 'test/deployed/**', 'test/kafka/**', 'test/package/**'],
        },
      },
    ],
  },
});
