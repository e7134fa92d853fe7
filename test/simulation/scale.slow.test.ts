import { testScaleCases } from './scale/bounded-cases.ts';

testScaleCases('slow');
