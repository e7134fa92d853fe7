import { argumentError } from '../core/arguments/error.ts';
import type { ObjectVersion } from '../state/stream/object-progress.ts';

/** An object that was created, as S3 tells it. */
export interface NotifiedObject extends ObjectVersion {
  /** Undefined in a bucket without versions: `version` is the ETag then. */
  readonly versionId: string | undefined;
}

/**
 * The objects of a message of the queue: S3's own notification, or EventBridge's event about an object. S3's test
 * message holds none. Neither do events about anything but the creation of objects.
 * @throws TidemarkError that names the field
 */
export function notifiedObjects(body: string): readonly NotifiedObject[] {
  let message: unknown;
  try {
    message = JSON.parse(body);
  } catch {
    throw argumentError('body', body, 'is not JSON: give the queue to the notifications of a bucket only');
  }
  if (!isObject(message))
    throw argumentError('body', message, 'is not a notification: give the queue to the notifications of a bucket only');
  if (message.Event === 's3:TestEvent') return [];
  if (message.source === 'aws.s3')
    return message['detail-type'] === 'Object Created' ? [fromEventBridge(message.detail)] : [];
  const records: unknown = message.Records;
  if (!Array.isArray(records))
    throw argumentError('body', message, 'is not a notification: give the queue to the notifications of a bucket only');
  return records.flatMap((record, i) => fromNotification(`Records[${i}]`, record));
}

/**
 * The message to the queue about objects that are left for another invocation; the reverse of {@link notifiedObjects}.
 */
export function continuation(objects: readonly NotifiedObject[]): string {
  return JSON.stringify({
    Records: objects.map(({ bucket, key, version, versionId }) => ({
      eventSource: 'aws:s3',
      eventName: 'ObjectCreated:Continued',
      s3: {
        bucket: { name: bucket },
        object: { key: encodeURIComponent(key), eTag: version, ...(versionId === undefined ? {} : { versionId }) },
      },
    })),
  });
}

/**
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html: the key is URL-encoded,
 * with a plus for a space.
 */
function fromNotification(field: string, record: unknown): readonly NotifiedObject[] {
  if (!isObject(record)) throw argumentError(field, record, 'is not a record of a notification');
  const { eventName, s3 } = record;
  if (typeof eventName !== 'string' || !/^(?:s3:)?ObjectCreated:/.test(eventName)) return [];
  const bucket = isObject(s3) && isObject(s3.bucket) ? s3.bucket.name : undefined;
  const object = isObject(s3) && isObject(s3.object) ? s3.object : {};
  const key = text(`${field}.s3.object.key`, object.key);
  return [
    versionOf(
      field,
      text(`${field}.s3.bucket.name`, bucket),
      decoded(`${field}.s3.object.key`, key),
      object.versionId,
      object.eTag,
    ),
  ];
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html: the key is as it is. */
function fromEventBridge(detail: unknown): NotifiedObject {
  const bucket = isObject(detail) && isObject(detail.bucket) ? detail.bucket.name : undefined;
  const object = isObject(detail) && isObject(detail.object) ? detail.object : {};
  return versionOf(
    'detail',
    text('detail.bucket.name', bucket),
    text('detail.object.key', object.key),
    object['version-id'],
    object.etag,
  );
}

function versionOf(field: string, bucket: string, key: string, versionId: unknown, eTag: unknown): NotifiedObject {
  // A bucket whose versions are suspended gives `null` as the id of the version that it keeps.
  const id = typeof versionId === 'string' && versionId !== '' && versionId !== 'null' ? versionId : undefined;
  return { bucket, key, version: id ?? text(`${field}: eTag`, eTag).replaceAll('"', ''), versionId: id };
}

function decoded(field: string, key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    throw argumentError(field, key, "is not URL-encoded: give S3's own notification");
  }
}

function text(field: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw argumentError(field, value, "is not text: give S3's own notification");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
