import { describe, expect, it } from 'vitest';
import { reportError, UsageError } from '../../cli/program/errors.ts';
import { TidemarkError } from '../../functions/core/arguments/error.ts';

/** An error as the SDK and Node throw them: by name, or by code with details. */
function fault(name: string, message: string, details: object = {}): Error {
  return Object.assign(new Error(message), { name }, details);
}

describe('reporting an error', () => {
  it.each([
    [new UsageError('--x is wrong'), 2, '--x'],
    [new TidemarkError('the pipeline is wrong'), 1, 'pipeline'],
    [new (class LocalError extends TidemarkError {})('the port is wrong'), 1, 'port'],
    [fault('TidemarkError', 'from another copy of the core'), 1, 'another copy'],
    [fault('ResourceNotFoundException', 'Stream s under account 1 not found.'), 1, 'Stream s'],
    [fault('ProvisionedThroughputExceededException', 'Rate exceeded'), 1, '--rate'],
    [fault('ExpiredTokenException', 'expired'), 1, 'credentials'],
    [fault('AccessDeniedException', 'not authorized to perform: kinesis:PutRecords'), 1, 'kinesis:PutRecords'],
    [fault('CredentialsProviderError', 'Could not load credentials from any providers'), 1, 'AWS_PROFILE'],
    [fault('Error', 'Region is missing'), 1, 'AWS_REGION'],
    [
      fault('Error', 'connect ECONNREFUSED', { code: 'ECONNREFUSED', address: '127.0.0.1', port: 4500 }),
      1,
      '127.0.0.1:4500',
    ],
    [fault('Error', 'listen EADDRINUSE', { code: 'EADDRINUSE', port: 4500 }), 1, '4500'],
    [fault('Error', 'ENOENT: no such file', { code: 'ENOENT', path: 'a.json' }), 1, 'a.json'],
    [
      new AggregateError([fault('Error', 'refused', { code: 'ECONNREFUSED', address: '::1', port: 4500 })], ''),
      1,
      '4500',
    ],
  ])('gives one line, an exit code and no stack for %s', (error, exitCode, named) => {
    const report = reportError(error);
    expect(report).toMatchObject({ exitCode, kind: 'expected' });
    expect(report.message).toContain(named);
    expect(report.message).not.toContain('\n');
  });

  it.each([[new TypeError('x is not\na function')], ['a text'], [undefined], [{ name: 'strange' }]])(
    'calls %s unexpected, on one line',
    (thrown) => {
      const report = reportError(thrown);
      expect(report).toMatchObject({ exitCode: 1, kind: 'unexpected' });
      expect(report.message).not.toContain('\n');
      expect(report.message).not.toBe('');
    },
  );
});
