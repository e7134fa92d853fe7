// Starts localstack.ts: npm run localstack:up, :deploy, :demo and :down.
import { bundled } from '../../test/bundled.mjs';

const { main } = await bundled('infra/emulators/localstack.ts');
process.exitCode = await main(process.argv.slice(2), process.env);
