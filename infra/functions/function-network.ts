import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';

/** The VPC that a function runs in. The brokers, or the target of a sink, can be reached from it. */
export interface FunctionNetwork {
  readonly vpc: IVpc;
  readonly vpcSubnets: SubnetSelection | undefined;
  readonly securityGroups: ISecurityGroup[] | undefined;
}
