// Deploys a pipeline to ministack and leaves it running until Ctrl-C.
import { bundled } from '../bundled.mjs';

const { main } = await bundled('test/deployed/up.ts');
process.exitCode = await main(process.argv.slice(2));
