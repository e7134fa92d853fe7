// Starts the conformance run.
import { bundled } from '../bundled.mjs';

// The reader of the lines may stop early, as `head` does.
process.stdout.on('error', () => process.exit(1));
const { main } = await bundled('test/conformance/main.ts');
process.exitCode = await main(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`conformance: ${line}\n`),
  // npm runs scripts in the package's folder, but names are relative to the user's folder.
  folders: [process.env.INIT_CWD ?? process.cwd(), process.cwd()],
});
