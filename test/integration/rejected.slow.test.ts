import { testRejections } from '../fixtures/rejections.ts';

testRejections(['stream']);
