// Tries the API against its own description: npm run test:api
import { bundled } from '../bundled.mjs';

const { main } = await bundled('test/api/command.ts');
process.exitCode = await main(process.argv.slice(2));
