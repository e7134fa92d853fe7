import { Agent, request } from 'node:http';
import { region } from './account.ts';

/** A refusal by an emulator, with AWS's error code (`ResourceNotFoundException`) and message. */
export class AwsJsonError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.name = 'AwsJsonError';
    this.code = code;
  }
}

/** One service of AWS's JSON protocol at an emulator's port. */
export interface AwsJson {
  /**
   * @throws AwsJsonError when the emulator refuses
   * @throws Error when it cannot be reached
   */
  call<Answer>(operation: string, body: object): Promise<Answer>;
  close(): void;
}

/** The supported services, with the prefix of `X-Amz-Target` and the version of the JSON protocol. */
const services = {
  kinesis: { target: 'Kinesis_20131202', contentType: 'application/x-amz-json-1.1' },
  dynamodb: { target: 'DynamoDB_20120810', contentType: 'application/x-amz-json-1.0' },
} as const;

/**
 * The few calls that the embedded AWS itself makes, without the SDK. Loading the SDK costs a process a third of a
 * second. Without it, record data goes from Kinesis into the function's event as the base64 text that it already is.
 * The emulators demand a signature and do not check it.
 */
export function createAwsJson(service: keyof typeof services, port: number): AwsJson {
  const { target, contentType } = services[service];
  const agent = new Agent({ keepAlive: true });
  const authorization = `AWS4-HMAC-SHA256 Credential=local/20200101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=local`;

  function post(operation: string, payload: string): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const headers = {
        'content-type': contentType,
        'content-length': Buffer.byteLength(payload),
        'x-amz-target': `${target}.${operation}`,
        'x-amz-date': '20200101T000000Z',
        authorization,
      };
      const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/', agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  return {
    async call<Answer>(operation: string, body: object) {
      const { status, text } = await post(operation, JSON.stringify(body));
      const answer = text === '' ? {} : JSON.parse(text);
      if (status === 200) return answer as Answer;
      throw new AwsJsonError(
        String(answer.__type ?? status).replace(/^.*#/, ''),
        String(answer.message ?? answer.Message ?? ''),
      );
    },
    close: () => agent.destroy(),
  };
}
