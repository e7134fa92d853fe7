import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { ConnectionOptions } from '@platformatic/kafka';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { SignatureV4 } from '@smithy/signature-v4';
import { argumentError } from '../core/arguments/error.ts';
import type { KafkaSource } from '../core/definition/kafka-source.ts';
import { Sha256 } from '../edge/sha256.ts';

/** The encryption of the connections to the brokers, and the user that they are made as. */
export type KafkaCredentials = Pick<ConnectionOptions, 'tls' | 'sasl'>;

/**
 * Reads the content of a source's secrets. Users, passwords and tokens are read again for each connection, so that a
 * rotated secret is met without a new container.
 * @throws TidemarkError when a secret does not hold the content that Lambda's event source mapping also expects
 */
export async function kafkaCredentials({
  authentication,
  secret = '',
  rootCertificate,
}: KafkaSource): Promise<KafkaCredentials> {
  const secrets = new SecretsManagerClient({ requestHandler: new NodeHttpHandler() });
  const field = async (name: string) => secretField(secrets, secret, name, 'required');
  const tls =
    rootCertificate === undefined ? {} : { ca: await secretField(secrets, rootCertificate, 'certificate', 'required') };
  const user = { username: () => field('username'), password: () => field('password') };
  switch (authentication) {
    case 'plaintext':
      return {};
    case 'tls':
      return { tls };
    case 'iam':
      return {
        tls,
        sasl: {
          mechanism: 'OAUTHBEARER',
          token: async () => iamToken(await secrets.config.region(), secrets.config.credentials, new Date()),
        },
      };
    case 'scram-512':
      return { tls, sasl: { mechanism: 'SCRAM-SHA-512', ...user } };
    case 'scram-256':
      return { tls, sasl: { mechanism: 'SCRAM-SHA-256', ...user } };
    case 'plain':
      return { tls, sasl: { mechanism: 'PLAIN', ...user } };
    case 'mtls': {
      const passphrase = await secretField(secrets, secret, 'privateKeyPassword', 'optional');
      const own = { cert: await field('certificate'), key: await field('privateKey') };
      return { tls: { ...tls, ...own, ...(passphrase !== '' && { passphrase }) } };
    }
  }
}

async function secretField(
  secrets: SecretsManagerClient,
  arn: string,
  name: string,
  need: 'required' | 'optional',
): Promise<string> {
  const { SecretString = '' } = await secrets.send(new GetSecretValueCommand({ SecretId: arn }));
  let content: unknown;
  try {
    content = JSON.parse(SecretString);
  } catch {
    content = undefined;
  }
  const value =
    typeof content === 'object' && content !== null ? (content as Readonly<Record<string, unknown>>)[name] : undefined;
  if (typeof value === 'string') return value;
  if (need === 'optional') return '';
  // Nobody is shown the content of a secret.
  throw argumentError(
    'secret',
    arn,
    `has no text ${name}: store it as an object of JSON with that field, as Lambda's event source mapping reads it`,
  );
}

/** How long a token is valid, in seconds: MSK's own libraries ask for so long. */
const tokenSeconds = 900;

type SignerCredentials = ConstructorParameters<typeof SignatureV4>[0]['credentials'];

/**
 * MSK's form of IAM for OAUTHBEARER: the address of a call that is signed and never made.
 * @see https://github.com/aws/aws-msk-iam-sasl-signer-js for the form; that package brings an SDK of its own, and the
 * signer is here already
 */
export async function iamToken(region: string, credentials: SignerCredentials, now: Date): Promise<string> {
  const hostname = `kafka.${region}.amazonaws.com`;
  const signer = new SignatureV4({ service: 'kafka-cluster', region, credentials, sha256: Sha256 });
  const query = { Action: 'kafka-cluster:Connect' };
  const request = { method: 'GET', protocol: 'https:', hostname, path: '/', headers: { host: hostname }, query };
  const signed = await signer.presign(request, { expiresIn: tokenSeconds, signingDate: now });
  const address = new URL(`https://${hostname}/`);
  for (const [name, value] of Object.entries({ ...signed.query, 'User-Agent': 'tidemark' }))
    address.searchParams.set(name, String(value));
  return Buffer.from(address.href).toString('base64url');
}
