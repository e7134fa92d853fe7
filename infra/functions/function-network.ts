import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';

/** The VPC that a function runs in. The brokers, or the target of a sink, can be reached from it. */
export interface FunctionNetwork {
  /** The VPC. */
  readonly vpc: IVpc;
  /** Its subnets; undefined: the private ones with a way out. */
  readonly vpcSubnets: SubnetSelection | undefined;
  /** The security groups of the function; undefined: one of its own. */
  readonly securityGroups: ISecurityGroup[] | undefined;
}
