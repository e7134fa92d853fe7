import { describe, expect, it } from 'vitest';
import { failureReason } from '../../functions/state/sinks/failure-reason.ts';

const coded = (message: string, code: string) => Object.assign(new Error(message), { code });

describe('the reason of a failed delivery', () => {
  it('keeps the code and the message of the cause', () => {
    const reason = failureReason(new TypeError('fetch failed', { cause: coded('getaddrinfo nowhere', 'ENOTFOUND') }));
    expect(reason).toMatch(/fetch failed.*ENOTFOUND getaddrinfo nowhere/);
  });

  it('names a code once', () => {
    const reason = failureReason(coded('connect ECONNREFUSED 127.0.0.1:9', 'ECONNREFUSED'));
    expect(reason.match(/ECONNREFUSED/g)).toHaveLength(1);
  });

  it('looks into the errors of all addresses of a name', () => {
    const all = new AggregateError([coded('connect ECONNREFUSED ::1:9', 'ECONNREFUSED')]);
    expect(failureReason(new TypeError('fetch failed', { cause: all }))).toMatch(/ECONNREFUSED ::1:9/);
  });

  it('ends, however errors cause one another, and is one line', () => {
    const error: Error = new Error('a\nb');
    error.cause = error;
    const reason = failureReason(error);
    expect(reason).not.toContain('\n');
    expect(reason.length).toBeLessThanOrEqual(500);
  });

  it('is the text of what is not an error', () => {
    expect(failureReason('broken')).toBe('broken');
  });
});
