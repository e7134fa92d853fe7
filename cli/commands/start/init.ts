import { writeProject } from '../../init/project.ts';
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
    if (options.json) process.stdout.write(`${JSON.stringify(project)}\n`);
    else
      process.stdout.write(
        `${name}: ${project.files.join(', ')}\n\nNext:\n${project.next.map((line) => `  ${line}\n`).join('')}`,
      );
    return 0;
  },
});
