// Starts the simulator.
import { bundled, root } from '../bundled.mjs';

const { main } = await bundled('test/simulation/command.ts');
try {
  process.exitCode = await main(root, process.argv.slice(2));
} catch (error) {
  // Wrong options are a mistake of the user, answered by one line.
  const isUsage = error.name === 'UsageError' || String(error.code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${isUsage ? `simulate: ${error.message.split('\n')[0]}` : error.stack}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
