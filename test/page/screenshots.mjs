// Takes the pictures of the page in docs/, from a running `tidemark up`: npm run screenshots -- [FOLDER]
import { bundled } from '../bundled.mjs';

const { takeScreenshots } = await bundled('test/page/screenshots.ts');
process.exitCode = await takeScreenshots(process.argv[2] ?? 'docs', (line) => process.stdout.write(`${line}\n`));
