import { testSketches } from './sketches.ts';

testSketches(1_000_000);
