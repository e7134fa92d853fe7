import { Validations } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';

/** A rule of cdk-nag's AwsSolutions pack that a resource does not follow, and the reason why that is right. */
export interface Finding {
  readonly on: IConstruct;
  readonly id: string;
  readonly reason: string;
}

/**
 * Acknowledges findings. A person who runs cdk-nag over an app with the construct in it sees only their own findings.
 */
export function acknowledge(findings: readonly Finding[]): void {
  for (const { on, id, reason } of findings) Validations.of(on).acknowledge({ id: `AwsSolutions::${id}`, reason });
}
