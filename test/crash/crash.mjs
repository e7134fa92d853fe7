// Starts the crash test.
import { bundled } from '../bundled.mjs';

const { main } = await bundled('test/crash/command.ts');
process.exitCode = await main(process.argv.slice(2));
