// Explores the model of the log and its epochs: npm run model -- [--walks N] [--seed N] [--rule NAME]
import { bundled } from '../bundled.mjs';

const { main } = await bundled('test/model/command.ts');
process.exitCode = main(process.argv.slice(2), (line) => process.stdout.write(`${line}\n`));
