import { testKitProperties } from './test-kit.ts';

testKitProperties(150);
