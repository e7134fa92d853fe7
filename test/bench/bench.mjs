// Starts the benchmarks.
import { bundled } from '../bundled.mjs';

const { bench } = await bundled('test/bench/bench.ts');
process.exitCode = await bench(process.argv.slice(2));
