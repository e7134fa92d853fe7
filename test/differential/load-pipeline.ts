import { transform } from 'esbuild';
import * as zod from 'zod';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import * as tidemark from '../../functions/core/index.ts';

const packages: Readonly<Record<string, unknown>> = { tidemark, zod };

/**
 * The pipeline of a text, as `--pipeline FILE` gives it. It is not bundled and imported, as thousands of modules would
 * stay in memory.
 */
export async function loadPipelineText(text: string): Promise<Pipeline> {
  const { code } = await transform(text, { loader: 'ts', format: 'cjs' });
  const module: { exports: { readonly default?: Pipeline } } = { exports: {} };
  new Function('module', 'require', code)(module, (name: string) => packages[name]);
  const pipeline = module.exports.default;
  if (pipeline === undefined) throw new Error(`no pipeline in ${text}`);
  return pipeline;
}
