/**
 * The folder of the programs that are bundled on the fly. The launcher is plain JavaScript; it and the rest share this
 * one rule.
 *
 * The folder is `node_modules/.cache/tidemark` in the package. Where that cannot be written (an installation by another
 * user, a read-only image), it is a folder of this user: under `XDG_CACHE_HOME`, else `~/.cache`, else the system's
 * folder for temporary files. Node resolves packages from where a file lies, so such a folder has links to the
 * `node_modules` folders above the package, and a `package.json` that names the package.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

export function cacheFolder(packageRoot, environment = process.env) {
  const own = path.join(packageRoot, 'node_modules', '.cache', 'tidemark');
  const tried = [own];
  try {
    return writable(own);
  } catch (error) {
    if (!isUnwritable(error)) throw error;
  }
  for (const base of basesOfUser(environment)) {
    tried.push(base);
    try {
      mkdirSync(path.dirname(base), { recursive: true });
      return linked(ofThisUser(base), packageRoot);
    } catch (error) {
      if (!isUnwritable(error)) throw error;
    }
  }
  throw new Error(
    `no folder for bundled programs can be written (tried ${tried.join(', ')}): ` +
      'set XDG_CACHE_HOME or TMPDIR to a folder that can be',
  );
}

/** A full disk does not count: the writer reports it. */
function isUnwritable(error) {
  return ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EEXIST'].includes(error?.code);
}

function writable(folder) {
  mkdirSync(folder, { recursive: true });
  accessSync(folder, constants.W_OK);
  return folder;
}

function basesOfUser(environment) {
  const { XDG_CACHE_HOME: xdg = '' } = environment;
  const home = homeOf();
  return [
    // The specification demands that relative paths are ignored: https://specifications.freedesktop.org/basedir/latest/
    ...(path.isAbsolute(xdg) ? [path.join(xdg, 'tidemark')] : []),
    ...(home === undefined ? [] : [path.join(home, '.cache', 'tidemark')]),
    path.join(tmpdir(), `tidemark-${process.getuid?.() ?? 'cache'}`),
  ];
}

function homeOf() {
  try {
    return homedir();
  } catch {
    return undefined; // a user without an entry in the password file
  }
}

/** Programs are run from here. In a folder for temporary files, anybody could have made the folder before. */
function ofThisUser(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  const isOwn = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
  if (!isOwn) throw Object.assign(new Error(`${folder} can be written by others`), { code: 'EPERM' });
  return writable(folder);
}

/**
 * A folder for this package in `base`. From it, Node finds the same modules as from the package: its folders are nested
 * as the package's are.
 */
function linked(base, packageRoot) {
  let folder = path.join(base, createHash('sha256').update(packageRoot).digest('hex').slice(0, 16));
  for (const modules of modulesAbove(packageRoot)) {
    mkdirSync(folder, { recursive: true });
    once(() => symlinkSync(modules, path.join(folder, 'node_modules'), 'junction'));
    folder = path.join(folder, 'package');
  }
  writable(folder);
  const manifest = path.join(folder, 'package.json');
  if (!existsSync(manifest)) {
    const draft = `${manifest}.${randomUUID()}`;
    writeFileSync(draft, JSON.stringify({ private: true, packageRoot }));
    renameSync(draft, manifest);
  }
  return folder;
}

/** The `node_modules` folders that Node looks into from the package, the outermost first. */
function modulesAbove(packageRoot) {
  const found = [];
  for (let at = packageRoot; ; at = path.dirname(at)) {
    const modules = path.join(at, 'node_modules');
    if (path.basename(at) !== 'node_modules' && existsSync(modules)) found.unshift(modules);
    if (at === path.dirname(at)) return found;
  }
}

function once(make) {
  try {
    make();
  } catch (error) {
    if (error?.code !== 'EEXIST') throw error;
  }
}
