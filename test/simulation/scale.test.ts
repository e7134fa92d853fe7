import { testAims } from './scale/bounded-aims.ts';
import { testScaleCases } from './scale/bounded-cases.ts';

testScaleCases('quick');
testAims('quick');
