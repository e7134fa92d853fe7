import { join } from 'node:path';
import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FunctionFailed } from '../../cli/deployment/invoke.ts';
import { embedded } from '../../cli/stream/embedded.ts';
import { functions } from '../../functions/core/deployment/settings.ts';
import { startTestLocal, type TestLocal, until } from '../fixtures/local/start.ts';

let test: TestLocal;
let client: LambdaClient;

beforeAll(async () => {
  process.env.AWS_PROFILE = 'a-real-profile';
  process.env.TIDEMARK_TEST_SECRET = 'secret';
  test = await startTestLocal({ data: 'disk', timeoutMs: { finalize: 500 } });
  client = new LambdaClient({
    endpoint: test.local.endpoints.lambda,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  delete process.env.AWS_PROFILE;
  delete process.env.TIDEMARK_TEST_SECRET;
  client.destroy();
  await test.stop();
});

interface Answer {
  readonly invocations: number;
  readonly event: object;
  readonly environment: Readonly<Record<string, string>>;
  readonly remainingMs: number;
  readonly context: Readonly<Record<string, unknown>>;
}

async function invoke(
  event: object,
  options: {
    readonly FunctionName?: string;
    readonly InvocationType?: 'Event' | 'DryRun';
    readonly LogType?: 'Tail';
  } = {},
): Promise<InvokeCommandOutput> {
  return client.send(
    new InvokeCommand({ FunctionName: test.local.functionNames.finalize, Payload: JSON.stringify(event), ...options }),
  );
}

function payloadOf<Payload>(output: InvokeCommandOutput): Payload {
  return JSON.parse(output.Payload?.transformToString() ?? '') as Payload;
}

const answerOf = (output: InvokeCommandOutput): Answer => payloadOf<Answer>(output);

describe("Lambda's Invoke call", () => {
  it('gives the function its event and a context, and keeps the environment warm', async () => {
    const first = answerOf(await invoke({ hello: 'é' }));
    const second = answerOf(await invoke({}));
    expect(first.event).toEqual({ hello: 'é' });
    expect(second.invocations).toBe(first.invocations + 1);
    expect(first.remainingMs).toBeGreaterThan(0);
    expect(first.remainingMs).toBeLessThanOrEqual(500);
    expect(first.context).toMatchObject({
      functionName: test.local.functionNames.finalize,
      memoryLimitInMB: String(functions.finalize.memoryMb),
      awsRequestId: expect.any(String),
      callbackWaitsForEmptyEventLoop: true,
      invokedFunctionArn: expect.stringContaining(`:function:${test.local.functionNames.finalize}`),
    });
  });

  it('finds a function by its ARN and with a version', async () => {
    const { context } = answerOf(await invoke({}));
    const output = await invoke({}, { FunctionName: `${context.invokedFunctionArn}:$LATEST` });
    expect(output.StatusCode).toBe(200);
  });

  it('shows the function nothing of the environment of the user', async () => {
    const { environment } = answerOf(await invoke({}));
    expect(environment).toMatchObject({
      TIDEMARK_STREAM: test.local.streamName,
      TIDEMARK_STATE_TABLE: test.local.tableNames.state,
      AWS_ENDPOINT_URL_DYNAMODB: test.local.endpoints.dynamodb,
      AWS_ENDPOINT_URL_KINESIS: test.local.endpoints.kinesis,
      AWS_LAMBDA_FUNCTION_NAME: test.local.functionNames.finalize,
      AWS_REGION: 'us-east-1',
    });
    for (const name of ['AWS_PROFILE', 'TIDEMARK_TEST_SECRET', 'HOME', 'PATH'])
      expect(environment).not.toHaveProperty(name);
  });

  it('refuses an unknown function', async () => {
    await expect(invoke({}, { FunctionName: 'nobody' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      $metadata: { httpStatusCode: 404 },
    });
  });

  it('reports a thrown error and keeps the environment', async () => {
    const before = answerOf(await invoke({}));
    const output = await invoke({ do: 'throw' });
    expect(output.FunctionError).toBe('Unhandled');
    expect(payloadOf(output)).toMatchObject({
      errorType: 'TypeError',
      errorMessage: expect.any(String),
      trace: expect.arrayContaining([expect.stringContaining('finalize')]),
    });
    expect(answerOf(await invoke({})).invocations).toBe(before.invocations + 2);
  });

  it.each([
    ['exit', 'Runtime.ExitError'],
    ['hang', 'Sandbox.Timedout'],
    ['spin', 'Sandbox.Timedout'],
  ])('loses the environment when the function does "%s", and starts a cold one', async (verb, errorType) => {
    const output = await invoke({ do: verb });
    expect(output.FunctionError).toBe('Unhandled');
    expect(payloadOf(output)).toMatchObject({ errorType });
    expect(answerOf(await invoke({})).invocations).toBe(1);
  });

  it('answers with the last 4 KB of the log when asked to', async () => {
    const output = await invoke({ lines: 2_000 }, { LogType: 'Tail' });
    const tail = Buffer.from(output.LogResult ?? '', 'base64');
    expect(tail.length).toBe(4 * 1024);
    expect(tail.toString()).toContain('line 1999');
    expect((await invoke({})).LogResult).toBeUndefined();
  });

  it('runs an Event invocation after it has answered, and nothing for a DryRun', async () => {
    const before = answerOf(await invoke({})).invocations;
    expect((await invoke({}, { InvocationType: 'DryRun' })).StatusCode).toBe(204);
    expect((await invoke({}, { InvocationType: 'Event' })).StatusCode).toBe(202);
    await until(async () => answerOf(await invoke({})).invocations >= before + 2);
  });

  it('lets an overlapping invocation run in an environment of its own', async () => {
    const [hanging, other] = await Promise.all([invoke({ do: 'hang' }), invoke({})]);
    expect(hanging.FunctionError).toBe('Unhandled');
    expect(other.FunctionError).toBeUndefined();
  });

  it('refuses an event that is not JSON', async () => {
    const response = await fetch(
      `${test.local.url}/2015-03-31/functions/${test.local.functionNames.finalize}/invocations`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{',
      },
    );
    expect(response.status).toBe(400);
    expect(response.headers.get('x-amzn-errortype')).toBe('InvalidRequestContentException');
  });
});

describe('a run of finalize that somebody waits for', () => {
  async function run(event: object) {
    const told: string[] = [];
    const answer = embedded(test.local, (line) => told.push(line)).finalize(event as { readonly request?: 'drain' });
    return { told, error: await answer.then(() => undefined).catch((error: unknown) => error) };
  }

  it.each([
    ['hang', 'Sandbox.Timedout'],
    ['exit', 'Runtime.ExitError'],
  ])('is repeated, and told of, after it was ended by "%s"', async (verb, errorType) => {
    const { told, error } = await run({ do: verb, once: join(test.folder, `once-${verb}`) });
    expect(error).toBeUndefined();
    expect(told).toEqual([expect.stringContaining(errorType)]);
  });

  it('is given up when its repetitions do not end either', async () => {
    const { told, error } = await run({ do: 'hang' });
    expect(error).toBeInstanceOf(FunctionFailed);
    expect(told).toHaveLength(3);
  });

  it('is not repeated when the function refuses', async () => {
    const { told, error } = await run({ do: 'throw' });
    expect(error).toMatchObject({ errorType: 'TypeError' });
    expect(told).toEqual([]);
  });
});
