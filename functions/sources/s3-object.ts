import { GetObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { ObjectGone } from './feed-object.ts';
import type { NotifiedObject } from './object-notification.ts';

/** S3's errors for a version that does not exist any more: it was deleted, or, without versions, replaced. */
const gone = ['NoSuchKey', 'NoSuchVersion', 'NotFound', 'PreconditionFailed'];

/**
 * The bytes of exactly the version that was notified.
 * @throws ObjectGone when it is not there any more; the SDK's error otherwise
 */
export async function openObject(
  client: S3Client,
  { bucket, key, version, versionId }: NotifiedObject,
): Promise<AsyncIterable<Uint8Array>> {
  try {
    const which = versionId === undefined ? { IfMatch: `"${version}"` } : { VersionId: versionId };
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...which }));
    // In Node the body is a stream of bytes.
    return Body as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (error instanceof S3ServiceException && (gone.includes(error.name) || error.$metadata.httpStatusCode === 412))
      throw new ObjectGone(`s3://${bucket}/${key}: version ${version} is not there any more`, { cause: error });
    throw error;
  }
}
