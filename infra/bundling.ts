/**
 * How the three functions become one file each, written once: the CDK's `NodejsFunction` and the embedded AWS bundle with
 * the same settings, so that what was tried on a laptop is what is deployed (DESIGN section 7).
 */

/**
 * Some bundled packages are CommonJS and call `require` for Node's own modules; an ES module has none, so one is made.
 * The name is not `createRequire`, because bundled code may import that too.
 */
const requireBanner = "import { createRequire as tidemarkCreateRequire } from 'node:module'; const require = tidemarkCreateRequire(import.meta.url);";

/** esbuild's options for a function: an ES module (`.mjs`) that holds everything, the AWS SDK included. */
export const functionBundling = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  /** The oldest Node that runs the functions: this machine's, in the embedded AWS. */
  target: 'node20',
  /** The SDK's ES modules shake to less than half the size of its CommonJS ones, and a cold start pays for size. */
  mainFields: ['module', 'main'],
  banner: requireBanner,
  extension: '.mjs',
} as const;

/** What the import `#pipeline` in an entry file stands for: this pipeline's file (an absolute path). */
export function pipelineAlias(pipelineFile: string): Readonly<Record<string, string>> {
  return { '#pipeline': pipelineFile };
}
