import { App, Stack } from 'aws-cdk-lib';
import { EventTimeAggregation } from 'tidemark/cdk';

const app = new App();
const stack = new Stack(app, 'sales-by-shop');
new EventTimeAggregation(stack, 'Sales', { pipeline: 'pipeline.ts' });
