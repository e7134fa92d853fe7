import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { reportError, UsageError } from '../../cli/program/errors.ts';
import { packageRoot as root } from '../../cli/program/package-root.ts';
import { apiUrl, type Outputs, openCdk, plainCdk } from '../../infra/emulators/cdk.ts';
import { EmulatorError } from '../../infra/emulators/emulator-error.ts';
import { findMinistack, type Ministack } from '../../infra/emulators/ministack.ts';
import { interruption } from './interruption.ts';

const usage = `npm run up:deployed -- [--pipeline NAME|PATH]

Deploys a pipeline (default: device-actions) with the CDK to ministack, an emulator of AWS in plain processes, and leaves it running until Ctrl-C.
Needs Python 3.10 or newer and, the first time, PyPI.
`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Runs the command; resolves to the exit code: 0 after Ctrl-C, 1 for a failure, 2 for wrong usage. */
export async function main(argv: readonly string[]): Promise<number> {
  const signal = interruption();
  let ministack: Ministack | undefined;
  try {
    const options = optionsOf(argv);
    if (options.help) {
      process.stdout.write(usage);
      return 0;
    }
    say('ministack: looking for it under .tidemark, installing it if it is not there');
    const program = await findMinistack({ root, environment: process.env, signal });
    if ('needs' in program) throw new EmulatorError(`needs ${program.needs}; without it: npx tidemark up`);
    ministack = await program.start('ignored');
    const folder = join(ministack.folder, 'cdk');
    mkdirSync(folder);
    const cdk = openCdk({ root, cli: plainCdk(root, ministack.url), folder, path: process.env['PATH'] ?? '', signal });
    say(`ministack: runs at ${ministack.url}`);
    say('cdk bootstrap: what every account needs once');
    await cdk.bootstrap();
    say(`cdk deploy: ${options.pipeline}`);
    say(
      guide(ministack.url, options.pipeline, await cdk.deploy({ pipeline: options.pipeline, stage: 'dev', shards: 2 })),
    );
    if (!signal.aborted) await Promise.race([once(signal, 'abort'), ministack.ended]);
    if (!signal.aborted) throw new EmulatorError('ministack ended by itself: start again');
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    const { message, exitCode } = reportError(error);
    process.stderr.write(`up:deployed: ${error instanceof EmulatorError ? error.message : message}\n`);
    return exitCode;
  } finally {
    if (signal.aborted) say('taking everything down');
    await ministack?.stop();
  }
}

/** @throws UsageError */
function optionsOf(argv: readonly string[]): { readonly pipeline: string; readonly help: boolean } {
  try {
    const options = {
      pipeline: { type: 'string', default: 'device-actions' },
      help: { type: 'boolean', default: false },
    } as const;
    const { pipeline, help } = parseArgs({ args: [...argv], options }).values;
    // npm runs a script in the clone. A path is meant from where the command was given.
    const from = process.env['INIT_CWD'] ?? process.cwd();
    return { pipeline: pipeline.endsWith('.ts') ? resolve(from, pipeline) : pipeline, help };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function guide(url: string, pipeline: string, outputs: Outputs): string {
  const api = apiUrl(url, outputs);
  const sample = pipeline === 'device-actions';
  return `
deployed to ministack: all of it is in memory, and gone after Ctrl-C

  endpoint   ${url}   (AWS_ENDPOINT_URL for any AWS tool; region us-east-1, key and secret: test)
  stream     ${outputs['StreamName']}
  query API  ${api}   (signed requests only, as on AWS)

put events:
${sample ? '  npx tidemark sample open-close --out events\n' : ''}  npx tidemark replay ${sample ? 'events/*.json' : 'FILES'} --pipeline ${pipeline} --endpoint ${url} --stream ${outputs['StreamName']}
look at windows, final and open:
  npx tidemark windows --api ${api}
  curl -s --aws-sigv4 aws:amz:us-east-1:execute-api --user test:test '${api}/v1/queries'
make all windows final, as at the end of the stream:
  npx tidemark drain --pipeline ${pipeline} --endpoint ${url} --function ${outputs['FinalizeFunction']}

Ctrl-C takes everything down.`;
}
