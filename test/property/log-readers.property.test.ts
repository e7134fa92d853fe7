import { describe, it } from 'vitest';
import { checkEveryStep, checkFeed, checkPages } from './log-readers.ts';

describe('readers of segments and tails', { timeout: 600_000 }, () => {
  it('show what one pass over the events gives, at every step of finalize, and never go back', () => checkEveryStep(6));

  it('give the same windows in pages, in both orders', () => checkPages(10));

  it('feed every change: a reader that replaces its copies has the whole table', () => checkFeed(15));
});
