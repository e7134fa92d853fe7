import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** A file as someone could write it, and the rules of biome.json that object to it. None for a permitted file. */
interface Planted {
  readonly path: string;
  readonly source: string;
  readonly rules: readonly string[];
}

const imports = ['lint/style/noRestrictedImports'];
const globals = ['lint/style/noRestrictedGlobals'];
const environment = ['lint/style/noProcessEnv'];
const random = ['lint/nursery/noJsRestrictedProperties'];

const importing = (path: string, specifier: string, rules: readonly string[]): Planted => ({
  path,
  source: `export * from '${specifier}';\n`,
  rules,
});
const using = (path: string, expression: string, rules: readonly string[]): Planted => ({
  path,
  source: `export const x = ${expression};\n`,
  rules,
});

/**
 * The arrow of DESIGN section 6: core <- state <- entry points <- infra/local <- cli <- test; the CDK app imports
 * pipelines and core.
 */
const forbiddenImports = [
  importing('functions/core/a.ts', '../state/table.ts', imports),
  importing('functions/core/a.ts', './../state/table.ts', imports),
  importing('functions/core/a.ts', '../aggregate.ts', imports),
  importing('functions/core/a.ts', '../../infra/bundle/functions.ts', imports),
  importing('functions/core/aggregates/a.ts', '../../state/table.ts', imports),
  importing('functions/core/aggregates/a.ts', '../../aggregate.ts', imports),
  importing('functions/core/events/a.ts', '../../edge/config.ts', imports),
  importing('functions/core/aggregates/a.ts', 'node:crypto', imports),
  importing('functions/core/a.ts', 'node:crypto', imports),
  importing('functions/core/a.ts', 'node:timers/promises', imports),
  importing('functions/core/a.ts', '@aws-sdk/client-kinesis', imports),
  importing('functions/core/a.ts', 'p-limit', imports),
  importing('functions/core/a.ts', '#pipeline', imports),
  importing('functions/state/log/a.ts', '../../aggregate.ts', imports),
  importing('functions/state/log/a.ts', '../../edge/config.ts', imports),
  importing('functions/state/table/a.ts', '../../../infra/local/account/account.ts', imports),
  importing('functions/state/a.ts', 'node:timers/promises', imports),
  importing('functions/state/a.ts', 'node:process', imports),
  importing('functions/state/a.ts', '@aws-sdk/client-kinesis', imports),
  importing('functions/a.ts', '../infra/local/account.ts', imports),
  importing('functions/a.ts', '../cli/command.ts', imports),
  importing('functions/a.ts', '../pipelines/device-actions.ts', imports),
  importing('functions/a.ts', '@aws-sdk/client-dynamodb', imports),
  importing('functions/a.ts', '@aws-sdk/util-dynamodb', imports),
  importing('functions/a.ts', 'node:process', imports),
  importing('functions/http/a.ts', '@aws-sdk/client-dynamodb', imports),
  importing('functions/a.ts', './sinks/sqs.ts', imports),
  importing('functions/a.ts', '@aws-sdk/client-eventbridge', imports),
  importing('functions/sinks/a.ts', '../finalize.ts', imports),
  importing('functions/sinks/a.ts', '#pipeline', imports),
  importing('functions/sinks/a.ts', '@aws-sdk/client-dynamodb', imports),
  importing('functions/testing/a.ts', '../state/table/tables.ts', imports),
  importing('functions/testing/a.ts', '../state/table/dynamodb-table.ts', imports),
  importing('functions/testing/a.ts', '../feeder/feeder.ts', imports),
  importing('functions/testing/a.ts', '@aws-sdk/client-kinesis', imports),
  importing('functions/testing/a.ts', 'zod', imports),
  importing('infra/a.ts', '../functions/aggregate.ts', imports),
  importing('infra/a.ts', '../functions/state/table.ts', imports),
  importing('infra/a.ts', './local/account.ts', imports),
  importing('infra/a.ts', '../cli/command.ts', imports),
  importing('infra/a.ts', './emulators/cdk.ts', imports),
  importing('infra/functions/a.ts', '../monitoring/alarms.ts', imports),
  importing('infra/functions/a.ts', '../event-time-aggregation.ts', imports),
  importing('infra/functions/a.ts', '../local/account/account.ts', imports),
  importing('infra/functions/a.ts', '../../functions/aggregate.ts', imports),
  importing('infra/functions/a.ts', '../../cli/program/command.ts', imports),
  importing('infra/monitoring/a.ts', '../sources/sources.ts', imports),
  importing('infra/monitoring/a.ts', '../../functions/state/table.ts', imports),
  importing('infra/sources/a.ts', '../sinks/sinks.ts', imports),
  importing('infra/sources/a.ts', '../event-time-aggregation.ts', imports),
  importing('infra/sources/a.ts', '@aws-sdk/client-kinesis', imports),
  importing('infra/sinks/a.ts', '../sources/sources.ts', imports),
  importing('infra/sinks/a.ts', '#pipeline', imports),
  importing('infra/bundle/a.ts', '../functions/permissions.ts', imports),
  importing('infra/local/a.ts', '../../cli/program/command.ts', imports),
  importing('infra/local/a.ts', '../../test/unit/window.test.ts', imports),
  importing('infra/local/a.ts', '../event-time-aggregation.ts', imports),
  importing('infra/local/lambda/a.ts', '../../event-time-aggregation.ts', imports),
  importing('infra/local/a.ts', '../functions/permissions.ts', imports),
  importing('infra/local/lambda/a.ts', '../../functions/permissions.ts', imports),
  importing('infra/local/lambda/a.ts', '../../../cli/program/command.ts', imports),
  importing('infra/local/account/a.ts', '../resources/resources.ts', imports),
  importing('infra/local/account/a.ts', '../../bundle/cache.ts', imports),
  importing('infra/local/resources/a.ts', '../lambda/emf.ts', imports),
  importing('infra/local/lambda/a.ts', '../gateway/proxy.ts', imports),
  importing('infra/local/gateway/a.ts', '../emulators/emulator.ts', imports),
  importing('infra/local/emulators/a.ts', '../mapping/signal.ts', imports),
  importing('infra/local/mapping/a.ts', '../processes/child-main.ts', imports),
  importing('infra/local/processes/a.ts', '../local.ts', imports),
  importing('infra/bundle/a.ts', '../event-time-aggregation.ts', imports),
  importing('infra/bundle/a.ts', 'aws-cdk-lib', imports),
  importing('infra/local/a.ts', 'aws-cdk-lib', imports),
  importing('cli/a.ts', '../test/unit/window.test.ts', imports),
  importing('cli/commands/a.ts', 'aws-cdk-lib/core', imports),
  importing('cli/a.ts', '../functions/state/table/table.ts', imports),
  importing('cli/commands/operate/a.ts', '../../../functions/state/sinks/sink-status.ts', imports),
  importing('pipelines/a.ts', '../functions/state/table.ts', imports),
  importing('pipelines/a.ts', '../infra/bundling.ts', imports),
  importing('pipelines/a.ts', 'node:fs', imports),
  importing('pipelines/a.ts', '@aws-sdk/client-dynamodb', imports),
];

const allowedImports = [
  importing('functions/core/a.ts', './windows/window.ts', []),
  importing('functions/core/fold/a.ts', '../windows/window.ts', []),
  importing('functions/core/a.ts', 'temporal-polyfill', []),
  importing('functions/state/table/a.ts', '../../core/windows/window.ts', []),
  importing('functions/state/sinks/a.ts', '../table/table.ts', []),
  importing('functions/state/a.ts', '@aws-sdk/client-dynamodb', []),
  importing('functions/a.ts', './state/table/table.ts', []),
  importing('functions/a.ts', './state/sinks/outbox.ts', []),
  importing('functions/a.ts', '#pipeline', []),
  importing('functions/a.ts', '#sink', []),
  importing('functions/sinks/a.ts', '../state/delivery.ts', []),
  importing('functions/testing/a.ts', '../state/epochs/finalizer.ts', []),
  importing('functions/testing/a.ts', './item-store.ts', []),
  importing('functions/sinks/a.ts', '@aws-sdk/client-sqs', []),
  importing('functions/a.ts', '@aws-sdk/client-kinesis', []),
  importing('infra/a.ts', '../functions/core/schema.ts', []),
  importing('infra/a.ts', '../pipelines/device-actions.ts', []),
  importing('infra/a.ts', 'aws-cdk-lib', []),
  importing('infra/functions/a.ts', '../bundle/functions.ts', []),
  importing('infra/functions/a.ts', './permissions.ts', []),
  importing('infra/functions/a.ts', '../../functions/core/schema.ts', []),
  importing('infra/monitoring/a.ts', '../functions/pipeline-function.ts', []),
  importing('infra/sources/a.ts', '../monitoring/backlog.ts', []),
  importing('infra/sinks/a.ts', '../monitoring/findings.ts', []),
  importing('infra/bundle/a.ts', '../local/account/local-error.ts', []),
  importing('infra/local/mapping/a.ts', '../lambda/function-client.ts', []),
  importing('infra/local/processes/a.ts', '../mapping/signal.ts', []),
  importing('infra/local/lambda/a.ts', '../../../functions/aggregate.ts', []),
  importing('infra/local/a.ts', '../bundle/functions.ts', []),
  importing('infra/local/lambda/a.ts', '../../bundle/functions.ts', []),
  importing('infra/local/a.ts', '../../functions/aggregate.ts', []),
  importing('cli/a.ts', '../infra/local/account.ts', []),
  importing('cli/a.ts', '../functions/operations/table.ts', []),
  importing('test/integration/a.ts', '../../cli/program/command.ts', []),
  importing('pipelines/a.ts', '../functions/core/index.ts', []),
  importing('pipelines/a.ts', 'zod', []),
  {
    path: 'functions/state/a.ts',
    source: "import { createHash } from 'node:crypto';\n\nexport const x = createHash('sha256');\n",
    rules: [],
  },
];

const impure = [
  ...[
    'Date.now()',
    'new Date()',
    'setTimeout(String, 1)',
    'setInterval(String, 1)',
    'setImmediate(String)',
    'queueMicrotask(String)',
  ],
  ...['performance.now()', 'crypto.randomUUID()', "fetch('/')", 'globalThis.name'],
];

const forbiddenGlobals = [
  ...['functions/core/a.ts', 'functions/state/a.ts'].flatMap((path) => [
    ...impure.map((expression) => using(path, expression, globals)),
    using(path, 'Math.random()', random),
    using(path, 'process.pid', globals),
    using(path, 'process.env', [...environment, ...globals]),
  ]),
  using('functions/core/a.ts', "Buffer.from('')", globals),
  using('pipelines/a.ts', 'Math.random()', random),
  {
    path: 'functions/state/a.ts',
    source: "import { randomUUID } from 'node:crypto';\n\nexport const x = randomUUID();\n",
    rules: imports,
  },
];

const forbiddenEnvironment = ['functions/aggregate.ts', 'functions/http/a.ts', 'infra/a.ts', 'pipelines/a.ts'].map(
  (path) => using(path, 'process.env', environment),
);

const allowedGlobals = [
  ...['functions/edge/config.ts', 'infra/local/a.ts', 'cli/a.ts', 'test/unit/a.ts'].map((path) =>
    using(path, 'process.env', []),
  ),
  ...['Date.now()', 'Math.random()', 'crypto.randomUUID()'].map((expression) =>
    using('functions/a.ts', expression, []),
  ),
  using('functions/core/a.ts', 'Math.floor(1.5)', []),
  using('functions/state/a.ts', "Buffer.from('')", []),
];

const style: readonly Planted[] = [
  {
    path: 'functions/core/a.ts',
    source: 'export const x = (value: any) => String(value);\n',
    rules: ['lint/suspicious/noExplicitAny'],
  },
  {
    path: 'cli/a.ts',
    source: 'export const x = (value?: string) => value!;\n',
    rules: ['lint/style/noNonNullAssertion'],
  },
  {
    path: 'cli/a.ts',
    source: "import { b } from './b.ts';\n\nexport type A = typeof b;\n",
    rules: ['lint/style/useImportType'],
  },
  { path: 'cli/a.ts', source: "import { b } from './b.ts';\n", rules: ['lint/correctness/noUnusedImports'] },
  { path: 'cli/a.ts', source: 'const x = 1;\n\nexport {};\n', rules: ['lint/correctness/noUnusedVariables'] },
  {
    path: 'functions/edge/a.ts',
    source: "export * from './config';\n",
    rules: ['lint/correctness/useImportExtensions'],
  },
  { path: 'cli/a.ts', source: "export * from 'left-pad';\n", rules: ['lint/correctness/noUndeclaredDependencies'] },
  {
    path: 'cli/a.ts',
    source: 'const x = async () => 1;\n\nx();\n\nexport {};\n',
    rules: ['lint/nursery/noFloatingPromises'],
  },
  { path: 'cli/a.ts', source: 'export const x: string = "double quotes";\n', rules: ['format'] },
  { path: 'cli/notKebab.ts', source: 'export const x = 1;\n', rules: ['lint/style/useFilenamingConvention'] },
  { path: 'functions/a.ts', source: "console.log('x');\n\nexport {};\n", rules: ['lint/suspicious/noConsole'] },
  { path: 'cli/a.ts', source: "console.log('x');\n\nexport {};\n", rules: [] },
  { path: 'cli/one.ts', source: "export * from './two.ts';\n", rules: ['lint/suspicious/noImportCycles'] },
  { path: 'cli/two.ts', source: "export * from './one.ts';\n", rules: ['lint/suspicious/noImportCycles'] },
];

const groups: Readonly<Record<string, readonly Planted[]>> = {
  'imports against the arrow': forbiddenImports,
  'imports along the arrow': allowedImports,
  'time, randomness and I/O where there are none': forbiddenGlobals,
  'the environment beside its one reader': forbiddenEnvironment,
  'time, randomness and the environment at the edges': allowedGlobals,
  style: style,
};

const found = lint(Object.values(groups).flat());

describe.each(Object.entries(groups))('%s', (_group, cases) => {
  it.each(cases.map((planted) => [planted.source.trim().replace(/\s+/g, ' '), planted.path, planted] as const))(
    '%s in %s',
    (_source, _path, planted) => {
      expect(found.get(planted)).toEqual([...planted.rules].sort());
    },
  );
});

/** Runs biome once over a tree of all files, each in the place where it belongs. Gives the rules that fired in each. */
function lint(all: readonly Planted[]): ReadonlyMap<Planted, readonly string[]> {
  const root = resolve(import.meta.dirname, '..', '..');
  const tree = mkdtempSync(join(tmpdir(), 'tidemark-lint-'));
  try {
    for (const name of ['biome.json', 'package.json']) copyFileSync(join(root, name), join(tree, name));
    const byPath = new Map(all.map((planted, index) => [place(planted.path, index), planted] as const));
    for (const [path, { source }] of byPath) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), source);
    }
    const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
    const { stdout } = spawnSync(process.execPath, [biome, 'check', '--reporter=json', '--max-diagnostics=none', '.'], {
      cwd: tree,
      encoding: 'utf8',
    });
    const report: {
      readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: string } }[];
    } = JSON.parse(stdout);
    const rules = new Map(all.map((planted) => [planted, new Set<string>()]));
    for (const { category, location } of report.diagnostics) {
      const planted = byPath.get(location.path);
      if (planted === undefined) throw new Error(`biome objects to ${location.path}: ${category}`);
      rules.get(planted)?.add(category);
    }
    return new Map([...rules].map(([planted, categories]) => [planted, [...categories].sort()]));
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/**
 * `a.ts` stands for any name, so that many files of one folder are side by side. Every other name is meant literally.
 */
function place(path: string, index: number): string {
  return path.replace(/\/a\.ts$/, `/a${index}.ts`);
}
