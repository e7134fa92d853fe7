import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportError, UsageError } from '../../cli/program/errors.ts';
import { httpUrl } from '../../cli/program/option-value.ts';
import { packageRoot as root } from '../../cli/program/package-root.ts';
import { apiUrl, type Cdk, type Deployment, localCdk, type Outputs, openCdk } from '../../infra/emulators/cdk.ts';
import { EmulatorError } from '../../infra/emulators/emulator-error.ts';
import { playLesson } from './localstack-demo.ts';

/** The deployment for the lesson: `-c` values of infra/app.ts. */
const deployment: Deployment = { pipeline: 'device-actions', stage: 'dev', shards: 2, operations: true };

/** The file that `deploy` leaves for `demo`, with the place of the deployment and the outputs of the stack. */
const stateFile = join(root, '.tidemark', 'localstack.json');

interface Place {
  readonly endpoint: string;
  /** Whether LocalStack is the one of docker-compose.yml, or runs elsewhere. */
  readonly runs: 'here' | 'elsewhere';
  /** The machine's PATH. */
  readonly path: string;
  readonly signal: AbortSignal;
}

const programs: Readonly<Record<string, (place: Place) => Promise<number>>> = { up, deploy, demo, down };

/**
 * Runs `up`, `deploy`, `demo` or `down`. Resolves to the exit code: 0 when done, 1 for a failure, 2 for wrong usage.
 */
export async function main([name = '']: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort()).once('SIGTERM', () => interrupt.abort());
  try {
    const program = programs[name];
    if (program === undefined)
      throw new UsageError(
        `${name === '' ? 'nothing' : name} is not a program: use ${Object.keys(programs).join(', ')}`,
      );
    return await program(placeOf(environment, interrupt.signal));
  } catch (error) {
    if (interrupt.signal.aborted) return 130;
    const { message, exitCode } = reportError(error);
    process.stderr.write(`localstack:${name}: ${error instanceof EmulatorError ? error.message : message}\n`);
    return exitCode;
  }
}

/** The place of LocalStack: AWS_ENDPOINT_URL, or EDGE_PORT of this machine. */
function placeOf(
  { AWS_ENDPOINT_URL, EDGE_PORT = '4566', PATH: path = '' }: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Place {
  if (AWS_ENDPOINT_URL === undefined) return { endpoint: `http://localhost:${EDGE_PORT}`, runs: 'here', path, signal };
  return { endpoint: httpUrl(AWS_ENDPOINT_URL, 'AWS_ENDPOINT_URL'), runs: 'elsewhere', path, signal };
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function up({ endpoint }: Place): Promise<number> {
  if (await isLocalStack(endpoint)) {
    say(`LocalStack already answers at ${endpoint}: go on with npm run localstack:deploy`);
    return 0;
  }
  needDocker();
  const { status } = spawnSync('docker', ['compose', 'up', '--detach', '--wait'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new EmulatorError('docker compose could not start LocalStack: what it wrote is above');
  say(`LocalStack answers at ${endpoint}: go on with npm run localstack:deploy`);
  return 0;
}

async function deploy(place: Place): Promise<number> {
  const { endpoint } = place;
  await needLocalStack(endpoint);
  await withCdk(place, async (cdk) => {
    say('cdklocal bootstrap');
    await cdk.bootstrap();
    say('cdklocal deploy');
    const outputs = await cdk.deploy(deployment);
    mkdirSync(join(root, '.tidemark'), { recursive: true });
    writeFileSync(stateFile, JSON.stringify({ endpoint, outputs }));
    say(`deployed: stream ${outputs.StreamName}, query API ${apiUrl(endpoint, outputs)}/v1/queries`);
  });
  return 0;
}

async function demo({ endpoint, signal }: Place): Promise<number> {
  await needLocalStack(endpoint);
  return playLesson({ endpoint, outputs: deployedOutputs(endpoint), signal });
}

async function down(place: Place): Promise<number> {
  const { endpoint, runs } = place;
  if (runs === 'elsewhere' && existsSync(stateFile)) {
    await needLocalStack(endpoint);
    await withCdk(place, (cdk) => cdk.destroy(deployment));
    say(`the stack is gone; LocalStack at ${endpoint} goes on, for it was not started here`);
  }
  if (runs === 'here') {
    needDocker();
    const { status } = spawnSync('docker', ['compose', 'down', '--volumes'], { cwd: root, stdio: 'inherit' });
    if (status !== 0) throw new EmulatorError('docker compose could not stop LocalStack: what it wrote is above');
  }
  rmSync(stateFile, { force: true });
  return 0;
}

async function withCdk<Result>(
  { endpoint, path, signal }: Place,
  work: (cdk: Cdk) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-localstack-'));
  try {
    return await work(openCdk({ root, cli: localCdk(root, endpoint), folder, path, signal }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function isLocalStack(endpoint: string): Promise<boolean> {
  const answer = await fetch(new URL('/_localstack/health', endpoint)).catch(() => undefined);
  return answer?.ok === true;
}

async function needLocalStack(endpoint: string): Promise<void> {
  if (!(await isLocalStack(endpoint)))
    throw new EmulatorError(
      `no LocalStack answers at ${endpoint}: start it with npm run localstack:up, or set AWS_ENDPOINT_URL to where it is`,
    );
}

/** Requires Docker with its daemon, because a client alone cannot start anything. */
function needDocker(): void {
  const works =
    spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0 &&
    spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;
  if (!works)
    throw new EmulatorError(
      'Docker with its plugin compose does not run here: start Docker, or set AWS_ENDPOINT_URL to a LocalStack elsewhere, or do without: npm run demo',
    );
}

function deployedOutputs(endpoint: string): Outputs {
  const state: { endpoint?: string; outputs?: Outputs } = existsSync(stateFile)
    ? JSON.parse(readFileSync(stateFile, 'utf8'))
    : {};
  if (state.outputs === undefined || state.endpoint !== endpoint)
    throw new EmulatorError(`nothing was deployed to ${endpoint} from here: run npm run localstack:deploy`);
  return state.outputs;
}
