import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  type LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { jsonCall } from './signed-call.ts';
import type { Stack } from './stack.ts';
import type { Target } from './target.ts';

/** A redelivery of the stream from its first record on, in batches of another size. */
export interface Redelivery {
  /** Restores the mapping as it was deployed. */
  end(): Promise<void>;
}

/**
 * Has the stream delivered again. On LocalStack, an update of the mapping does it. On ministack, an update keeps the
 * place in the stream, as in AWS. But ministack allows a second mapping of the same stream and function, which AWS
 * refuses; that one starts at the first record.
 */
export async function redeliver(
  target: Target,
  lambda: LambdaClient,
  { outputs }: Stack,
  batchSize: number,
): Promise<Redelivery> {
  const FunctionName = outputs['AggregateFunction'] ?? '';
  const { EventSourceMappings: [mapping] = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName }),
  );
  if (mapping?.UUID === undefined) throw new Error('the function has no event source mapping');
  const { UUID, BatchSize, EventSourceArn } = mapping;
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID, FunctionName, BatchSize: batchSize }));
  if (target.kind !== 'ministack')
    return {
      async end() {
        await lambda.send(new UpdateEventSourceMappingCommand({ UUID, FunctionName, BatchSize }));
      },
    };
  const second = await lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName,
      EventSourceArn,
      BatchSize: batchSize,
      StartingPosition: 'TRIM_HORIZON',
    }),
  );
  return {
    async end() {
      await lambda.send(new DeleteEventSourceMappingCommand({ UUID: second.UUID }));
      await lambda.send(new UpdateEventSourceMappingCommand({ UUID, FunctionName, BatchSize }));
    },
  };
}

/**
 * The number of invocations of aggregate in the log. LocalStack logs to the default group of a function, regardless of
 * the configuration.
 */
export async function aggregateInvocations(
  { endpoint }: Target,
  { outputs }: Stack,
  groups: readonly string[],
): Promise<number> {
  let count = 0;
  for (const logGroupName of [...groups, `/aws/lambda/${outputs['AggregateFunction']}`]) {
    let nextToken: string | undefined;
    do {
      const answer = await jsonCall(endpoint, 'logs', 'Logs_20140328.FilterLogEvents', {
        logGroupName,
        ...(nextToken && { nextToken }),
      });
      if (answer.status !== 200) break;
      const page = JSON.parse(answer.text) as { events?: { message: string }[]; nextToken?: string };
      count += (page.events ?? []).filter(({ message }) => /"function":\s*"aggregate"/.test(message)).length;
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
  }
  return count;
}
