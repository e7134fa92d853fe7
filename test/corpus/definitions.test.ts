import { describe, expect, it } from 'vitest';
import { TidemarkError, valueText } from '../../functions/core/arguments/error.ts';
import { defining, definitions, schemaOf } from './definitions.ts';

function refusalOf(define: () => unknown): string {
  try {
    define();
  } catch (error) {
    expect(error).toBeInstanceOf(TidemarkError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('a nonsense definition', () => {
  it.each(definitions)(
    'is refused in one line that names the field, the value and a remedy: %s',
    (_title, define, field, received) => {
      const message = refusalOf(define);
      const isMissing = (received ?? undefined) === undefined && message.startsWith(`${field} is missing`);
      const start = isMissing ? `${field} is missing` : `${field}: ${valueText(received)} `;
      expect(message.slice(0, start.length)).toBe(start);
      expect(message.slice(start.length), 'a remedy').toMatch(/: [^\n]{6,}$/);
      expect(message).not.toContain('\n');
      expect(message.length).toBeLessThan(400);
    },
  );

  it('does not end the process when a schema that is tried out rejects', async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', listener);
    refusalOf(defining({ event: schemaOf(() => Promise.reject(new Error('planted'))) }));
    await new Promise(setImmediate);
    process.off('unhandledRejection', listener);
    expect(unhandled).toStrictEqual([]);
  });
});
