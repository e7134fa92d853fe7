import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { type BuildOptions, build, buildSync, type Metafile } from 'esbuild';
import { builtPage, choices, hasKafkaClient, kafkaClient } from './bundle/functions.ts';
import { processFiles } from './bundle/process-files.ts';

export { hasKafkaClient };

/**
 * The contents of the two packages, as JavaScript, because Node reads no TypeScript under node_modules. What they need
 * of other packages is inside, except for what their package.json names: dependencies, and peers that only some need.
 */

/** What stays outside: the dependencies and peers of a package, and Node's own modules. */
function outsideOf(packageFolder: string): string[] {
  const manifest: Readonly<Record<string, Readonly<Record<string, string>> | undefined>> = JSON.parse(
    readFileSync(join(packageFolder, 'package.json'), 'utf8'),
  );
  return Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
}

/** Bundled CommonJS calls `require` for Node's own modules, which an ES module does not have. */
const withRequire =
  "import { createRequire as tidemarkCreateRequire } from 'node:module'; const require = tidemarkCreateRequire(import.meta.url);";

function common(root: string, outdir: string) {
  return {
    absWorkingDir: root,
    outdir,
    bundle: true,
    splitting: true,
    chunkNames: 'shared-[hash]',
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    mainFields: ['module', 'main'],
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
  } as const satisfies BuildOptions;
}

/** `import ... from 'tidemark'`, `'tidemark/testing'` and `'tidemark/cdk'`. A CommonJS app requires them, so their ending is `.js`. */
function interfaces(root: string, out: string): BuildOptions {
  return {
    ...common(root, out),
    outExtension: {},
    entryPoints: { index: 'functions/core/index.ts', testing: 'functions/testing/index.ts', cdk: 'infra/cdk.ts' },
    external: outsideOf(root),
  };
}

/**
 * The functions, with what a deployment chooses left open, and with the page inside (infra/bundle/function-modules.ts).
 */
function functions(root: string, out: string): BuildOptions {
  const folder = join(root, 'functions');
  const names = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  const withKafka = hasKafkaClient(root);
  const chosen = choices.filter((name) => withKafka || !name.startsWith('kafka/'));
  const modules = [...names.map((name) => name.slice(0, -3)), 'core/index', ...chosen];
  return {
    ...common(root, join(out, 'functions')),
    entryPoints: Object.fromEntries(modules.map((name) => [name, join(folder, `${name}.ts`)])),
    external: ['#*'],
    alias: withKafka ? kafkaClient(root) : {},
    define: builtPage(buildSync, root).define,
  };
}

/** The command line, with the commands that need no emulator. */
function commandLine(root: string, out: string): BuildOptions {
  return {
    ...common(root, join(out, 'cli')),
    entryPoints: { main: 'cli/main.ts' },
    alias: { '#local-commands': join(root, 'cli', 'installed-local-commands.ts') },
    external: outsideOf(root),
    banner: { js: withRequire },
  };
}

/** The other commands, and the child processes that they start. */
function local(root: string, out: string): BuildOptions {
  const processes = Object.entries(processFiles).map(([name, file]) => [name, join(root, 'infra', 'local', file)]);
  return {
    ...common(root, out),
    entryPoints: { commands: join(root, 'cli', 'local-commands.ts'), ...Object.fromEntries(processes) },
    external: outsideOf(join(root, 'infra', 'local')),
    banner: { js: withRequire },
  };
}

/**
 * Builds the code of `tidemark` into a folder. The functions of a topic of Kafka are left out where
 * their client is not installed.
 * @param root the folder of the clone
 */
export async function buildTidemark(root: string, out: string): Promise<void> {
  await buildAll(root, out, [interfaces(root, out), functions(root, out), commandLine(root, out)]);
}

/** Builds the code of `tidemark-local` into a folder, as {@link buildTidemark}. */
export async function buildLocal(root: string, out: string): Promise<void> {
  await buildAll(root, out, [local(root, out)]);
  cpSync(join(root, 'LICENSE'), join(root, 'infra', 'local', 'LICENSE'));
}

async function buildAll(root: string, out: string, builds: readonly BuildOptions[]): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const inputs = new Set<string>();
  for (const options of builds) {
    const { metafile } = await build({ ...options, metafile: true });
    for (const input of inputsOf(metafile)) inputs.add(input);
  }
  writeFileSync(join(out, 'third-party-licenses.txt'), licensesOf(root, inputs));
}

/** The files of which a byte is in an output. */
function inputsOf({ outputs }: Metafile): readonly string[] {
  return Object.values(outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
}

/** The licences of the packages that are inside, which ask that they travel with the code. */
function licensesOf(root: string, inputs: ReadonlySet<string>): string {
  const folders = new Set(
    [...inputs].flatMap(
      (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(relative(root, resolve(root, path)))?.[0] ?? [],
    ),
  );
  const sections = [...folders].sort().map((folder) => {
    const { name, version, license } = createRequire(join(root, 'package.json'))(
      join(root, folder, 'package.json'),
    ) as Readonly<Record<'name' | 'version' | 'license', string>>;
    const file = readdirSync(join(root, folder)).find((each) => /^licen[cs]e/i.test(each));
    const text = file === undefined ? '' : `\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`;
    return `${name} ${version} (${license})\n${text}`;
  });
  return sections.join(`\n${'-'.repeat(80)}\n`);
}
