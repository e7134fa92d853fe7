// Starts localstack.ts: npm run localstack:up, :deploy, :demo and :down.
import { bundled } from '../bundled.mjs';

const { main } = await bundled('test/deployed/localstack.ts');
process.exitCode = await main(process.argv.slice(2), process.env);
