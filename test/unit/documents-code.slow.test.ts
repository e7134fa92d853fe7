import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { recipesOf } from '../recipes/recipe-page.ts';
import { declarationsOf } from '../reference/declarations.ts';
import { apiPages } from '../reference/pages.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const recipes = readFileSync(path.join(root, 'docs/recipes.md'), 'utf8');
const [dsl = [], cdk = []] = declarationsOf(apiPages.map(({ entry }) => entry));
const functionsOfDsl = dsl.flatMap(({ name, kind }) => (kind === 'type' ? [] : [name]));

/** What a pipeline's file begins with. */
const ofPipelines = `import * as z from 'zod';\nimport { ${functionsOfDsl.join(', ')} } from 'tidemark';\n`;

/** What the code of an app has around it. */
const ofApps = `import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import { type IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { Stack } from 'aws-cdk-lib/core';
import { EventTimeAggregation, kafka } from 'tidemark/cdk';
declare const stack: Stack, bus: IEventBus, onCall: Topic, vpc: IVpc, clusterArn: string;
`;

/** The blocks of a page in which an app is written. */
const appsIn = (page: string) =>
  [...page.matchAll(/^```ts\n(.*?)^```$/gms)].flatMap(([, text = '']) =>
    text.includes('new EventTimeAggregation(') ? [text] : [],
  );

/** Compiles files beside one another. @returns what the compiler says */
function compiled(files: ReadonlyMap<string, string>): string {
  const cache = path.join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, 'documents-'));
  try {
    for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
    const paths = { tidemark: ['../../../functions/core/index.ts'], 'tidemark/cdk': ['../../../infra/cdk.ts'] };
    writeFileSync(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../../tsconfig.json',
        compilerOptions: { noUnusedLocals: false, paths, types: ['node'], typeRoots: ['../../@types'] },
        include: ['*.ts'],
        exclude: [],
      }),
    );
    const { bin } = createRequire(import.meta.url)('typescript/package.json');
    const tsc = path.join(root, 'node_modules/typescript', bin.tsc);
    const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
      encoding: 'utf8',
    });
    return `${stdout}${stderr}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const files = new Map([
  ...recipesOf(recipes).map(({ source }, i) => [`recipe-${i + 1}.ts`, ofPipelines + source] as const),
  ...appsIn(recipes).map((text, i) => [`app-${i + 1}.ts`, ofApps + text] as const),
  ...dsl.flatMap(({ name, doc }) =>
    doc.examples.map((text, i) => [`dsl-${name}-${i}.ts`, `${ofPipelines}${text}\nexport {};\n`] as const),
  ),
  ...cdk.flatMap(({ name, doc }) => doc.examples.map((text, i) => [`cdk-${name}-${i}.ts`, ofApps + text] as const)),
]);

it('compiles the code of the recipes and the examples of the reference', () => {
  expect(files.size).toBeGreaterThan(70);
  expect(compiled(files)).toBe('');
});

it('would see a mistake in it', () => {
  const wrong = new Map([['wrong.ts', `${ofPipelines}export const wrong = tumbling(3600);\n`]]);
  expect(compiled(wrong)).toContain('wrong.ts');
});
