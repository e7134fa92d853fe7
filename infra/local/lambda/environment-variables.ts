import { devNull } from 'node:os';
import { environmentNames } from '../../../functions/core/deployment/tables.ts';
import { accountId, region } from '../account/account.ts';
import type { ResourceNames } from '../resources/resources.ts';

/** The data that the environment variables of a function depend on. */
export interface VariablesSpec {
  readonly names: ResourceNames;
  readonly functionName: string;
  readonly memoryMb: number;
  readonly endpoints: { readonly kinesis: string; readonly dynamodb: string; readonly lambda: string };
  /** Whether aggregate may ask for finalize runs. */
  readonly kicks: boolean;
  /** The functions of the sinks, by the sink's name; null: finalize does not ask the function for runs. */
  readonly sinks: Readonly<Record<string, string | null>>;
  /** More variables, which override the others. */
  readonly extra: Readonly<Record<string, string>>;
}

/**
 * All environment variables of a function: those that Lambda sets, the addresses of the emulators, and the names of its
 * resources. The credentials are made up and the SDK's files are set to nothing, so that no profile of the user can
 * reach a real account.
 */
export function functionVariables(spec: VariablesSpec): Record<string, string> {
  const { names, endpoints } = spec;
  return {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCOUNT_ID: accountId,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split('.', 1)[0]}.x`,
    AWS_LAMBDA_FUNCTION_NAME: spec.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.functionName}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    AWS_ENDPOINT_URL_KINESIS: endpoints.kinesis,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_LAMBDA: endpoints.lambda,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    TZ: ':UTC',
    [environmentNames.stream]: names.stream,
    [environmentNames.state]: names.tables.state,
    [environmentNames.windows]: names.tables.windows,
    [environmentNames.rejects]: names.tables.rejects,
    [environmentNames.ingest]: 'on',
    ...(spec.kicks ? { [environmentNames.finalize]: names.functions.finalize } : {}),
    ...(Object.keys(spec.sinks).length === 0 ? {} : { [environmentNames.sinks]: JSON.stringify(spec.sinks) }),
    ...spec.extra,
  };
}
