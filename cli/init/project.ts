import { readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { functionsForm } from '../../infra/bundle/function-modules.ts';
import { TidemarkError, UsageError } from '../program/errors.ts';

/** The name of the project in the template: of its folder, package, pipeline and stack. */
const templateName = 'sales-by-shop';

/** npm leaves a file of this name out of packages, so the template has it under another one. */
const ignored = { inTemplate: 'gitignore', inProject: '.gitignore' } as const;

/** A project that was written. */
export interface Project {
  readonly folder: string;
  readonly files: readonly string[];
  /** The command lines that come next. */
  readonly next: readonly string[];
}

/**
 * Writes a project from the template: a folder of the name in another one.
 * @param parent the folder in which it is made
 * @param packageRoot the folder of this package, of which the project will need the same version
 * @throws UsageError for a name that a pipeline cannot have; TidemarkError for a folder that holds something
 */
export async function writeProject(name: string, parent: string, packageRoot: string): Promise<Project> {
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(name) || name === 'tidemark')
    throw new UsageError(
      `NAME is ${JSON.stringify(name)}: the folder, the package and the pipeline get it, so use 1 to 40 lower case ` +
        'letters, digits and dashes, a letter first, and not tidemark',
    );
  const folder = path.join(parent, name);
  await mkdir(folder, { recursive: true });
  const [there] = await readdir(folder);
  if (there !== undefined) throw new TidemarkError(`${name} holds ${there}: give another name, or empty the folder`);
  await cp(path.join(packageRoot, 'cli', 'init', 'template'), folder, { recursive: true });
  await rename(path.join(folder, ignored.inTemplate), path.join(folder, ignored.inProject));
  const files = (await readdir(folder)).sort();
  const isClone = functionsForm(packageRoot) === 'sources';
  const { version } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  const needed = isClone ? `file:tidemark-${version}.tgz` : (installedFrom(packageRoot, folder) ?? version);
  for (const file of files) {
    const text = await readFile(path.join(folder, file), 'utf8');
    const named = text.replaceAll(templateName, name);
    const own = file === 'package.json' ? named.replace(/("tidemark": )"[^"]*"/, `$1${JSON.stringify(needed)}`) : named;
    await writeFile(path.join(folder, file), own);
  }
  // Both packages: the second one is for those who want the whole system on their machine.
  const clone = pathFrom(parent, packageRoot);
  const fromClone = isClone ? [`npm pack --silent ${clone} ${clone}/infra/local --pack-destination ${name}`] : [];
  const next = [...fromClone, `cd ${name}`, 'npm install', 'npm test', 'npm run batch', 'npm run synth'];
  return { folder, files, next };
}

/** A folder as a command line names it, with a dot in front: npm takes a bare name for one of the registry. */
function pathFrom(folder: string, target: string): string {
  const relative = path.relative(folder, target).split(path.sep).join('/');
  return relative.startsWith('.') || path.isAbsolute(relative) ? relative : `./${relative}`.replace(/\/$/, '');
}

/**
 * The file that this package was installed from, as the new project names it; undefined: it came from a registry. npm
 * notes where packages come from beside them.
 */
function installedFrom(packageRoot: string, folder: string): string | undefined {
  const modules = path.dirname(packageRoot);
  try {
    const lock = JSON.parse(readFileSync(path.join(modules, '.package-lock.json'), 'utf8')) as {
      readonly packages?: Readonly<Record<string, { readonly resolved?: string }>>;
    };
    const { resolved } = lock.packages?.['node_modules/tidemark'] ?? {};
    if (resolved?.startsWith('file:') !== true) return undefined;
    const file = path.resolve(path.dirname(modules), resolved.slice('file:'.length));
    return `file:${path.relative(folder, file).split(path.sep).join('/')}`;
  } catch {
    return undefined;
  }
}
