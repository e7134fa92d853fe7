/** A finding of cfn-lint that is as it should be. */
export interface Suppression {
  /** The rule, such as `W3005`. */
  readonly rule: string;
  /** Matches the path of the finding in the template, or its message. */
  readonly where: RegExp;
  readonly reason: string;
}

/** Every finding that is left as it is, with its reason. One that is not found any more fails the check. */
export const suppressions: readonly Suppression[] = [
  {
    rule: 'W3005',
    where: /^Resources\/[^/]+\/DependsOn\/\d+$/,
    reason:
      'the CDK names each role and queue that a resource waits for beside the policies of it, which no property names: twice said is not wrong',
  },
];
