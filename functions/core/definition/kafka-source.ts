import { argumentError } from '../arguments/error.ts';

const kafkaAuthentications = ['plaintext', 'tls', 'iam', 'scram-512', 'scram-256', 'plain', 'mtls'] as const;

/**
 * The ways in which the brokers let a client in: without TLS and a name (`plaintext`), without a name (`tls`), by IAM
 * (MSK), by a user and a password from a secret (SCRAM, PLAIN), or by a certificate from a secret (`mtls`). All but
 * `plaintext` are encrypted.
 */
export type KafkaAuthentication = (typeof kafkaAuthentications)[number];

/**
 * A topic as a pipeline's stream, as the functions know it. Its partitions are the shards, its offsets the sequence
 * numbers.
 */
export interface KafkaSource {
  readonly topic: string;
  /** `host:port`, at least one. */
  readonly bootstrapServers: readonly string[];
  readonly authentication: KafkaAuthentication;
  /**
   * The ARN of the secret with `username` and `password`, or with `certificate`, `privateKey` and optionally
   * `privateKeyPassword`. Lambda wants it in the same form.
   */
  readonly secret?: string;
  /** The ARN of the secret whose `certificate` signs those of the brokers. @default the authorities that Node knows */
  readonly rootCertificate?: string;
}

/** Kafka's own rule for the names of topics. They become part of file names. */
const topicPattern = /^[A-Za-z0-9._-]{1,249}$/;
const serverPattern = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})$/;
const withSecret: readonly KafkaAuthentication[] = ['scram-512', 'scram-256', 'plain', 'mtls'];

/**
 * Checks a source, both where a person gives it and where a function reads it.
 * @throws TidemarkError that names the field
 */
export function checkKafkaSource(given: KafkaSource): KafkaSource {
  const { bootstrapServers, authentication, secret, rootCertificate } = given;
  const topic = checkTopic('topic', given.topic);
  if (!Array.isArray(bootstrapServers) || bootstrapServers.length === 0)
    throw argumentError('bootstrapServers', bootstrapServers, 'names no broker: give at least one as host:port');
  for (const server of bootstrapServers) {
    const port = Number(typeof server === 'string' ? serverPattern.exec(server)?.[1] : undefined);
    if (!(port >= 1 && port <= 65_535))
      throw argumentError('bootstrapServers', server, 'is not a broker: give host:port, such as b-1.example.com:9098');
  }
  if (!kafkaAuthentications.includes(authentication))
    throw argumentError(
      'authentication',
      authentication,
      `is not known: give one of ${kafkaAuthentications.join(', ')}`,
    );
  if (withSecret.includes(authentication) !== (secret !== undefined))
    throw argumentError(
      'secret',
      secret,
      `does not go with authentication ${authentication}: ${withSecret.join(', ')} need one, the others take none`,
    );
  if (rootCertificate !== undefined && authentication === 'plaintext')
    throw argumentError('rootCertificate', rootCertificate, 'does not go with authentication plaintext: give tls');
  return {
    topic,
    bootstrapServers,
    authentication,
    ...(secret && { secret }),
    ...(rootCertificate && { rootCertificate }),
  };
}

/** @throws TidemarkError when Kafka could have no topic of that name */
function checkTopic(field: string, topic: unknown): string {
  if (typeof topic === 'string' && topicPattern.test(topic) && topic !== '.' && topic !== '..') return topic;
  throw argumentError(
    field,
    topic,
    'is not the name of a topic: give 1 to 249 of the characters a-z, A-Z, 0-9, dot, underscore and hyphen',
  );
}

/** The id of the shard that stands for a partition. */
export function partitionShard(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/** The partition of a topic's shard; undefined when the shard is not of this topic. */
export function shardPartition(topic: string, shardId: string): number | undefined {
  const number = shardId.startsWith(`${topic}-`) ? shardId.slice(topic.length + 1) : '';
  return /^(?:0|[1-9]\d{0,8})$/.test(number) ? Number(number) : undefined;
}
