import { setTimeout as delay } from 'node:timers/promises';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { OperationAnswer, OperationName, OperationRequest } from '../../functions/operations/table.ts';
import { TidemarkError } from '../program/errors.ts';

/** The finalize function of a deployment, asked for one of its operations. */
export type AskOperation = <Name extends OperationName>(
  request: OperationRequest<Name>,
) => Promise<OperationAnswer<Name>>;

/** Asks the finalize function of that name. */
export function askOperation(lambda: LambdaClient, functionName: string): AskOperation {
  return (request) => invoke(lambda, functionName, request);
}

/** An answer of a function that is an error. */
export class FunctionFailed extends TidemarkError {
  /**
   * Lambda's name for the error: that of the thrown error, or of the end of the function (`Sandbox.Timedout`,
   * `Runtime.ExitError`).
   */
  readonly errorType: string;

  constructor(functionName: string, errorType: string, errorMessage: string) {
    super(`function ${functionName} failed: ${errorType}: ${errorMessage}`);
    this.errorType = errorType;
  }
}

/** The number of attempts of an invocation while the functions' process is being started anew. */
const attempts = 50;
const againAfterMs = 5;

/** Invokes a function and reads its answer. While its process is gone, the call is repeated, as by a schedule. */
export async function invoke<Answer>(lambda: LambdaClient, functionName: string, event: unknown): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await lambda.send(
        new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(event)) }),
      );
      const payload = payloadOf(functionName, Buffer.from(answer.Payload ?? []).toString());
      if (answer.FunctionError === undefined) return payload as Answer;
      const { errorType = 'Error', errorMessage = '' } = payload as { errorType?: string; errorMessage?: string };
      throw new FunctionFailed(functionName, errorType, errorMessage);
    } catch (error) {
      const gone =
        error instanceof Error && (error.name === 'ServiceException' || error.name === 'ServiceUnavailableException');
      if (!gone || attempt === attempts) throw error;
      await delay(againAfterMs * attempt);
    }
  }
}

function payloadOf(functionName: string, text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new TidemarkError(
      `function ${functionName}: its answer is not that of a function: correct --port, --endpoint or AWS_ENDPOINT_URL`,
    );
  }
}
