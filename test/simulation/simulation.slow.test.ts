import { describe } from 'vitest';
import { testSeeds } from './seeds.ts';

describe('the simulator', () => testSeeds(150));
