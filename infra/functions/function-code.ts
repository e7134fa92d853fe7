import { type AssetCode, Code } from 'aws-cdk-lib/aws-lambda';
import { AssetHashType, DockerImage } from 'aws-cdk-lib/core';
import { buildSync, type Metafile } from 'esbuild';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { builtPage, type FunctionBuild, functionBuild } from '../bundle/functions.ts';
import { bundlingFailure } from '../bundle/pipeline-failure.ts';

/** The sources of a function's code. Paths are absolute. */
export interface FunctionCodeOptions extends Pick<FunctionBuild, 'pipelineFile' | 'source' | 'packageFolder' | 'sink'> {
  /** The file whose export `handler` is the function. */
  readonly entry: string;
  /**
   * Receives the contents of the bundle, before the function's constructor ends. It is not called where the CDK wants
   * no bundle, or has it already.
   */
  readonly onBundled: (metafile: Metafile) => void;
  /**
   * Receives the reason why there is no bundle, because the CDK replaces it by an error of its own. It is one line with
   * the place when the pipeline does not compile.
   */
  readonly onFailed: (error: unknown) => void;
}

/** The file in the bundle that Lambda loads, without its extension: the handler is `index.handler`. */
const bundleName = 'index';

/**
 * A function's code as an asset. The CDK's `NodejsFunction` is not used. It needs a lock file above the current folder,
 * the entry file below that and an esbuild that it can find. In another person's app, with this package under
 * node_modules, all three may be missing.
 */
export function functionCode({
  entry,
  pipelineFile,
  source,
  packageFolder,
  sink,
  onBundled,
  onFailed,
}: FunctionCodeOptions): AssetCode {
  const tryBundle = (outdir: string): boolean => {
    try {
      const build = functionBuild({
        entries: { [bundleName]: entry },
        pipelineFile,
        source,
        packageFolder,
        ...(sink === undefined ? {} : { sink }),
      });
      const { define } = builtPage(buildSync, packageFolder);
      onBundled(buildSync({ ...build, define, outdir, metafile: true }).metafile);
    } catch (error) {
      const line = bundlingFailure(error, packageFolder);
      const told = line === undefined ? error : new TidemarkError(line, { cause: error });
      onFailed(told);
      throw told;
    }
    return true;
  };
  return Code.fromAsset(packageFolder, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never run, because the local bundler leaves nothing to it. But the CDK makes one asset of all bundlings with
      // the same command. Two sinks of a kind have the same code, unless it is a function of the user's.
      image: DockerImage.fromRegistry('none'),
      command: [entry, pipelineFile, source, sink?.kind ?? '', sink?.kind === 'forEachWindow' ? sink.name : ''],
      local: { tryBundle },
    },
  });
}

/** Whether a bundle holds zod's translations of its messages: 600 KB that a cold start pays for. */
export function holdsZodLocales({ outputs }: Metafile): boolean {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  return inputs.some(
    ([path, { bytesInOutput }]) => bytesInOutput > 0 && /[\\/]zod[\\/]v4[\\/]locales[\\/]de\.c?js$/.test(path),
  );
}
