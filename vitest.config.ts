import path from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that play whole systems, kill processes or run long: `npm run test:slow`. */
const slow = ['test/**/*.slow.test.ts', 'test/system/**/*.test.ts'];

/** Tests of parts, which change nothing that another file could see: they share what they import. */
const ofParts = [
  'test/unit/**/*.test.ts',
  'test/property/**/*.test.ts',
  'test/template/**/*.test.ts',
  'cli/init/template/*.test.ts',
];

/** `npm run test:deployed` needs somewhere to deploy to, `test:kafka` a broker, `test:package` the npm registry. */
const elsewhere = ['test/deployed/**', 'test/kafka/**', 'test/package/**'];

/** What the package's importers import, as it is in the tree: for tests of pipelines that are written as a user does. */
const alias = {
  'tidemark/testing': path.join(import.meta.dirname, 'functions/testing/index.ts'),
  'tidemark/cdk': path.join(import.meta.dirname, 'infra/cdk.ts'),
  tidemark: path.join(import.meta.dirname, 'functions/core/index.ts'),
};

export default defineConfig({
  resolve: { alias },
  test: {
    // The SDK's notice about Node 20 is for its users' logs, not for ours.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    // For hangs only: a test that takes seconds here takes minutes on a machine with other things to do.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Two cores, shared: more workers only make every one of them slower.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: 'parts', include: ofParts, exclude: [...configDefaults.exclude, ...slow], isolate: false },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...slow, ...ofParts, ...elsewhere],
        },
      },
      { extends: true, test: { name: 'slow', include: slow, exclude: [...configDefaults.exclude, ...elsewhere] } },
    ],
  },
});
