// Compares random pipelines with DuckDB: npm run differential -- --cases 500 [--seed N] [--case FOLDER] [--json]
import { bundled } from '../bundled.mjs';

const { main } = await bundled('test/differential/command.ts');
process.exitCode = await main(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`${line}\n`),
  folder: process.env.INIT_CWD ?? process.cwd(),
});
