import { type Project, writeProject } from '../../init/project.ts';
import { defineCommand, flag } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { packageRoot } from '../../program/package-root.ts';

export default defineCommand({
  operands: [{ name: 'NAME', description: 'of the folder, the package, the pipeline and the stack: my-counts' }],
  description:
    'Writes a folder with a pipeline of your own: its test, events to try it on, and a CDK app that deploys it. ' +
    'Change pipeline.ts, and run npm test.',
  options: { json: flag('print what was written as one JSON object') },
  examples: [['tidemark init my-counts', 'a project in the new folder my-counts']],
  async run({ operands, options, process }) {
    const [name = '', more] = operands;
    if (more !== undefined) throw new UsageError(`NAME is followed by ${JSON.stringify(more)}: give one name`);
    const project = await writeProject(name, globalThis.process.cwd(), packageRoot);
    process.stdout.write(options.json ? `${JSON.stringify(project)}\n` : shown(name, project));
    return 0;
  },
});

/** The files that a newcomer looks at first. */
const first: readonly (readonly [file: string, what: string])[] = [
  ['pipeline.ts', 'what is counted'],
  ['pipeline.test.ts', 'its test, in memory'],
  ['events.ndjson', 'some events'],
  ['app.mjs', 'the CDK app that deploys it'],
];

function shown(name: string, { next }: Project): string {
  const files = first.map(([file, what]) => `  ${`${name}/${file}`.padEnd(name.length + 20)}${what}`);
  return [...files, '', 'Next:', ...next.map((line) => `  ${line}`), ''].join('\n');
}
