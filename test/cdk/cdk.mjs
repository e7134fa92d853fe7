// Checks templates of the CDK app with cfn-lint: npm run test:cdk
import { bundled } from '../bundled.mjs';

const { main } = await bundled('test/cdk/command.ts');
process.exitCode = await main(process.argv.slice(2));
