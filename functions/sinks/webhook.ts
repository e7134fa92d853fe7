import { createHmac } from 'node:crypto';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { TidemarkError } from '../core/arguments/error.ts';
import { checkedUrl } from '../core/definition/sink.ts';
import { DeliveryRefused } from '../state/sinks/delivery.ts';
import { wholeMessage } from './message.ts';
import { type OpenTarget, sinkClientConfig, sinkOf, type TargetSetup } from './setup.ts';

/** How long a request may take, ms. */
const timeoutMs = 9_000;

/** The status codes that a server will repeat for ever: the body itself is at fault, or the address is given up. */
const refusals = [400, 410, 413, 422];

/**
 * A POST a pane, signed as standardwebhooks.com says: `webhook-id`, `webhook-timestamp` and `webhook-signature`. There
 * is a library for these in every language. Any 2xx acknowledges it. In order, at least once.
 */
export const openTarget: OpenTarget = (setup) => {
  const sink = sinkOf(setup, 'webhook');
  const url = checkedUrl(`sinks.${sink.name}.url`, setup.target ?? sink.url);
  if (url === undefined)
    throw new TidemarkError(`sinks.${sink.name}.url: undefined is missing: give one in the pipeline or the deployment`);
  const key = signingKey(setup);
  key.catch(() => undefined); // Whoever signs hears of it.
  return {
    order: 'ordered',
    process: 'safe',
    update: 'rows',
    async deliver(delivery) {
      const body = wholeMessage(delivery);
      const id = `${delivery.pipeline}/${delivery.id}`;
      const timestamp = Math.floor(Date.now() / 1000);
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'tidemark',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signature(await key, id, timestamp, body),
      };
      const answer = await fetch(url, {
        method: 'POST',
        headers,
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.body?.cancel();
      if (answer.ok) return;
      if (refusals.includes(answer.status)) throw new DeliveryRefused(`the server answers ${answer.status}`);
      throw new Error(`the server answers ${answer.status}`);
    },
  };
};

/** `v1,` and the HMAC-SHA256 of `ID.TIMESTAMP.BODY` in Base64. */
export function signature(key: Buffer, id: string, timestamp: number, body: string): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** The key in the secret, which is Base64, with or without the `whsec_` that others put before it. */
async function signingKey({ sink, secret, secretArn }: TargetSetup): Promise<Buffer> {
  const text = secret ?? (secretArn === undefined ? undefined : await storedSecret(secretArn));
  const key = Buffer.from((text ?? '').replace(/^whsec_/, ''), 'base64');
  if (key.length >= 24) return key;
  throw new TidemarkError(
    `sinks.${sink.name}.secret: is not a secret to sign with: give 24 bytes or more in Base64, with or without whsec_ before them`,
  );
}

async function storedSecret(SecretId: string): Promise<string | undefined> {
  return (await new SecretsManagerClient(sinkClientConfig).send(new GetSecretValueCommand({ SecretId }))).SecretString;
}
