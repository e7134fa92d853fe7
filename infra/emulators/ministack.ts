import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAttached } from './attached.ts';
import { EmulatorError } from './emulator-error.ts';
import { freePort } from './free-port.ts';
import { nodeFolder, pythonProgram, type ToolPlace } from './tools.ts';

const version = '1.5.33';

/** The treatment of policies. With `enforced`, each function has the rights of its role and no others. */
export type IamMode = 'enforced' | 'ignored';

/** A running ministack. All its data is in memory and in a temporary folder. */
export interface Ministack {
  readonly url: string;
  /** The folder for temporary files. It is removed when ministack ends. */
  readonly folder: string;
  /** Resolves when it is gone, for whatever reason. */
  readonly ended: Promise<unknown>;
  /** Ends it with its functions, and removes its folder. */
  stop(): Promise<void>;
  /** The end of its log. */
  log(): string;
}

/** Starts ministack, any number of times. */
export interface MinistackStarter {
  readonly start: (iam: IamMode) => Promise<Ministack>;
}

/** The starter of ministack, or the name of a missing requirement. */
export type MinistackProgram = MinistackStarter | { readonly needs: string };

/** Installs ministack (MIT, plain processes, no Docker) under `.tidemark`, once. */
export async function findMinistack(place: ToolPlace): Promise<MinistackProgram> {
  const program = await pythonProgram(place, 'ministack', version);
  if ('needs' in program) return program;
  const node = await nodeFolder(place);
  return { start: (iam) => start(place, program.path, node, iam) };
}

/** ministack does not take port 0. A free port is found first, and another one when another program took that. */
const mostAttempts = 5;
const startsWithinMs = 60_000;

async function start(
  { root, environment, signal }: ToolPlace,
  program: string,
  node: string,
  iam: IamMode,
): Promise<Ministack> {
  let said = '';
  for (let attempt = 0; attempt < mostAttempts && !signal.aborted; attempt++) {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-ministack-'));
    const [home, temporary] = [join(folder, 'home'), join(folder, 'tmp')];
    mkdirSync(home);
    mkdirSync(temporary);
    const port = await freePort();
    const running = startAttached({
      root,
      folder,
      removes: folder,
      command: program,
      args: [],
      // The functions inherit the environment, so the caller's AWS settings are left out.
      environment: {
        PATH: [node, environment.PATH ?? ''].join(delimiter),
        HOME: home,
        TMPDIR: temporary,
        BIND_HOST: '127.0.0.1',
        GATEWAY_PORT: String(port),
        MINISTACK_HOST: 'localhost',
        IOT_MTLS_ENABLED: '0',
        SFTP_ENABLED: '0',
        ...(iam === 'enforced' ? { AUTH: 'true' } : {}),
      },
    });
    const url = `http://127.0.0.1:${port}`;
    if (await answers(`${url}/_ministack/health`, () => running.hasEnded() || signal.aborted))
      return { url, folder, ended: running.ended, stop: running.stop, log: running.output };
    await running.stop();
    said = running.output();
  }
  throw new EmulatorError(`ministack did not start: ${said.trimEnd().split('\n').slice(-5).join('\n')}`);
}

async function answers(url: string, givesUp: () => boolean): Promise<boolean> {
  const deadline = performance.now() + startsWithinMs;
  while (!givesUp() && performance.now() < deadline) {
    try {
      if ((await fetch(url)).ok) return true;
    } catch {
      // Nothing listens yet.
    }
    await sleep(50);
  }
  return false;
}
