import { localOfFile, testTooLarge } from '../fixtures/local/bodies.ts';

testTooLarge(localOfFile(), ['events', 'invoke', 'kinesis by the front', 'dynamodb by the front']);
