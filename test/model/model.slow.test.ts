import { describe, expect, it } from 'vitest';
import { losses, whole } from './cases.ts';
import { run } from './command.ts';
import { type Rule, rules } from './world.ts';

describe('the log and its epochs, as a model', () => {
  it.each(Object.entries(whole))('lose nothing and count nothing twice: %s', (_name, one) => {
    const { violation, endsWithFinals } = run(one, new Set());
    expect(violation).toBeUndefined();
    // An exploration in which nothing becomes final would succeed for a protocol that does nothing.
    expect(endsWithFinals).toBeGreaterThan(0);
  });

  it.each(Object.entries(rules))('need the rule %s: without it, %s', (rule) => {
    const { violation } = run(losses[rule as Rule], new Set([rule as Rule]));
    expect(violation?.trace.length).toBeGreaterThan(0);
  });
});
