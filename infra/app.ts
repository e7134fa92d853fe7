import { App } from 'aws-cdk-lib/core';
import { addDeployment } from './deployment.ts';

addDeployment(new App(), process.cwd());
