// Starts the suite for a deployed stack.
import { bundled } from '../bundled.mjs';

const { main } = await bundled('test/deployed/command.ts');
process.exitCode = await main(process.argv.slice(2));
