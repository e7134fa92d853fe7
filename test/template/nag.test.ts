import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stream, StreamEncryption } from 'aws-cdk-lib/aws-kinesis';
import { Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, expect, it } from 'vitest';
import { type Changes, newApp, stackIn } from './synth.ts';

const out = mkdtempSync(join(tmpdir(), 'tidemark-nag-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** The rules that cdk-nag finds broken and nobody has acknowledged. */
function findings(name: string, changes: Changes): readonly string[] {
  const folder = join(out, name);
  const app = newApp({ 'aws:cdk:bundling-stacks': [] }, folder);
  stackIn(app, changes);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  // Synthesis ends with an error where a rule of weight is broken; the report tells of all of them.
  try {
    app.synth();
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ValidationFailed')) throw error;
  }
  const report: { pluginReports: { violations: { ruleName: string }[] }[] } = JSON.parse(
    readFileSync(join(folder, 'validation-report.json'), 'utf8'),
  );
  return report.pluginReports.flatMap(({ violations }) => violations.map(({ ruleName }) => ruleName));
}

it('leaves no finding of cdk-nag open', () => {
  expect(findings('plain', () => ({}))).toEqual([]);
});

it('leaves no finding of cdk-nag open about the sinks that it makes', () => {
  expect(findings('sinks', () => ({ pipeline: 'test/template/fixtures/sinks.ts' }))).toEqual([]);
});

it('leaves the findings about other resources to their owners', () => {
  const unencrypted = findings('stream', (stack) => {
    new Stream(stack, 'Plain', { encryption: StreamEncryption.UNENCRYPTED });
    return {};
  });
  expect(unencrypted).toEqual(['AwsSolutions-KDS1']);
});
