import { Validations } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';

/** A rule of cdk-nag's AwsSolutions pack that a resource does not follow, and why that is right. */
export interface Finding {
  readonly on: IConstruct;
  readonly id: string;
  readonly reason: string;
}

/**
 * Acknowledges findings, so that whoever runs cdk-nag over an app with the construct in it sees only what is theirs.
 */
export function acknowledge(findings: readonly Finding[]): void {
  for (const { on, id, reason } of findings) Validations.of(on).acknowledge({ id: `AwsSolutions::${id}`, reason });
}
