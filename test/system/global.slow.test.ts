import { testGlobal } from '../fixtures/global.ts';

testGlobal(['--totals', 'k']);
