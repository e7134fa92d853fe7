import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { build, buildSync } from 'esbuild';
import { packageRoot } from '../../cli/program/package-root.ts';
import type { FunctionName } from '../../functions/core/deployment/settings.ts';
import { environmentNames } from '../../functions/core/deployment/tables.ts';
import { functionModule } from '../../infra/bundle/function-modules.ts';
import { builtPage, bundleExtension, functionBuild } from '../../infra/bundle/functions.ts';
import { type Figure, median, yardstick } from './figure.ts';

const rounds = 15;
const mostTimes = 1.3;

/** The first event of each function, which it answers without a call to a table: there is none here. */
const firstEvents: Readonly<Record<FunctionName, unknown>> = {
  aggregate: { Records: [] },
  finalize: { request: 'unknown' },
  query: {
    httpMethod: 'GET',
    path: '/v1/health',
    resource: '/{proxy+}',
    headers: { host: 'localhost' },
    multiValueHeaders: { host: ['localhost'] },
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    pathParameters: { proxy: 'v1/health' },
    stageVariables: null,
    body: null,
    isBase64Encoded: false,
    requestContext: { httpMethod: 'GET', path: '/v1/health', stage: 'v1', identity: { sourceIp: '127.0.0.1' } },
  },
};

/**
 * The program that is measured: it loads a bundle and asks for one answer. A refusal is an answer too. It prints the
 * processor time of both, in ms, and that of the start of Node before.
 */
const program = `
const before = process.cpuUsage();
const module = await import(process.argv[2]);
const context = { awsRequestId: '1', functionName: 'cold', getRemainingTimeInMillis: () => 60_000 };
const answer = module.handler === undefined ? undefined : await module.handler(JSON.parse(process.argv[3]), context).catch((error) => error);
const { user, system } = process.cpuUsage(before);
const told = answer instanceof Error ? answer.message : JSON.stringify(answer);
process.stderr.write(JSON.stringify({ ms: (user + system) / 1000, startMs: (before.user + before.system) / 1000, told }) + '\\n');
process.exit(0);
`;

/** The answers by which each function shows that it has run. */
const expected: Readonly<Record<FunctionName, string>> = {
  aggregate: 'batchItemFailures',
  finalize: 'unknown',
  query: '"statusCode":200',
};

/**
 * Measures the cold start of each function: a Node process loads its bundle and gives a first answer. Beside it, the
 * clients of the AWS SDK that the bundle holds, with the same commands, bundled and loaded alone.
 * @throws when a function gives another answer
 */
export async function benchCold(say: (line: string) => void): Promise<readonly Figure[]> {
  const cache = path.join(packageRoot, 'node_modules', '.cache', 'tidemark-test');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, 'cold-'));
  try {
    const names = Object.keys(firstEvents) as FunctionName[];
    say(`${rounds} rounds of ${2 * names.length} processes`);
    const pipelineFile = path.join(packageRoot, 'pipelines', 'device-actions.ts');
    const runner = path.join(folder, 'run.mjs');
    writeFileSync(runner, program);
    await build({
      ...functionBuild({
        entries: Object.fromEntries(names.map((name) => [name, functionModule(packageRoot, name)])),
        pipelineFile,
        source: 'kinesis',
        packageFolder: packageRoot,
      }),
      define: builtPage(buildSync, packageRoot).define,
      outdir: folder,
    });
    const bundles = await Promise.all(
      names.map(async (name) => {
        const file = path.join(folder, `${name}${bundleExtension}`);
        return { name, file, alone: await sdkAlone(folder, name, file, pipelineFile) };
      }),
    );
    const times = bundles.map(() => ({ own: [] as number[], alone: [] as number[], start: [] as number[] }));
    // The first round fills the caches of the file system.
    for (let round = 0; round <= rounds; round++)
      for (const [i, { name, file, alone }] of bundles.entries()) {
        const own = await coldStart(runner, file, firstEvents[name]);
        const other = await coldStart(runner, alone, {});
        if (!own.told.includes(expected[name])) throw new Error(`${name} answered ${own.told}`);
        if (round === 0) continue;
        times[i]?.own.push(own.ms);
        times[i]?.alone.push(other.ms);
        times[i]?.start.push(own.startMs);
      }
    return bundles.map(({ name, file, alone }, i) => {
      const { own = [], alone: ofSdk = [], start = [] } = times[i] ?? {};
      const measured = { value: median(own), better: 'lower' } as const;
      return {
        ...measured,
        name: `cold start of ${name}`,
        unit: 'ms of processor time',
        yardsticks: [yardstick(measured, 'its clients of the SDK alone', median(ofSdk))],
        target: {
          text: `at most ${mostTimes} times the SDK alone`,
          met: median(own) <= mostTimes * median(ofSdk),
        },
        details: {
          times: median(own) / median(ofSdk),
          bundleBytes: statSync(file).size,
          sdkBytes: statSync(alone).size,
          startOfNodeMs: median(start),
          rounds,
        },
      };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A bundle of the clients and commands of the SDK that a function's bundle holds, made as the function's is. */
async function sdkAlone(folder: string, name: string, bundle: string, pipelineFile: string): Promise<string> {
  const held = readFileSync(bundle, 'utf8').matchAll(
    /^\/\/ (node_modules\/@aws-sdk\/client-[\w-]+)\/dist-es\/(?:commands\/)?(\w+(?:Client|Command))\.js$/gm,
  );
  const classes = [...held].map(([, from = '', what = '']) => ({ from: from.replace('node_modules/', ''), what }));
  if (classes.length === 0) throw new Error(`${name}: no client of the SDK was found in the bundle`);
  const clients = classes.filter(({ what }) => what.endsWith('Client'));
  const contents = [
    ...classes.map(({ from, what }, i) => `import { ${what} as c${i} } from '${from}';`),
    `export const clients = [${clients.map((one) => `new c${classes.indexOf(one)}({})`).join()}];`,
    `export const commands = [${classes.map((_, i) => `c${i}`).join()}];`,
  ].join('\n');
  const outfile = path.join(folder, `${name}-sdk${bundleExtension}`);
  const { entryPoints, outExtension, ...common } = functionBuild({
    entries: {},
    pipelineFile,
    source: 'kinesis',
    packageFolder: packageRoot,
  });
  await build({ ...common, stdin: { contents, resolveDir: packageRoot, loader: 'js' }, outfile });
  return outfile;
}

interface ColdStart {
  readonly ms: number;
  readonly startMs: number;
  readonly told: string;
}

async function coldStart(runner: string, bundle: string, event: unknown): Promise<ColdStart> {
  const { stderr } = await promisify(execFile)(process.execPath, [runner, bundle, JSON.stringify(event)], {
    env: {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'none',
      AWS_SECRET_ACCESS_KEY: 'none',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      [environmentNames.stream]: 'cold',
      [environmentNames.state]: 'state',
      [environmentNames.windows]: 'windows',
      [environmentNames.rejects]: 'rejects',
    },
  });
  return JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '');
}
