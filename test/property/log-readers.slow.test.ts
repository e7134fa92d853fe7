import { describe, it } from 'vitest';
import { checkEveryStep, checkFeed, checkFinalFeed, checkPages } from './log-readers.ts';

describe('readers of segments and tails', { timeout: 600_000 }, () => {
  it('show what one pass over the events gives, at every step of finalize, and never go back', () =>
    checkEveryStep(60));

  it('give the same windows in pages, in both orders', () => checkPages(100));

  it('feed every change: a reader that replaces its copies has the whole table', () => checkFeed(100));

  it('feed each final window once, epoch by epoch, whatever is cut off and however long the reader is away', () =>
    checkFinalFeed(150));
});
