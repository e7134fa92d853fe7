// Writes docs/reference.md and the pages below docs/reference, or checks them with --check.
import path from 'node:path';
import { bundled, root } from '../bundled.mjs';

process.chdir(root);
const { main } = await bundled('test/reference/main.ts');
process.exitCode = await main(process.argv.slice(2), path.join(root, 'docs'));
