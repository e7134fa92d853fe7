import { GetObjectCommand, PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { type OpenTarget, required, sinkClientConfig, sinkOf } from './setup.ts';
import { checkStanding, windowFile, windowFileName } from './window-file.ts';

const contentTypes = { json: 'application/x-ndjson', parquet: 'application/vnd.apache.parquet' } as const;

/** An object a pane, written once: a second writer finds it there (If-None-Match). Exactly once, whole. */
export const openTarget: OpenTarget = (setup) => {
  const { format, prefix } = sinkOf(setup, 's3');
  const client = new S3Client({ ...sinkClientConfig, forcePathStyle: setup.bucketIn === 'path' });
  const Bucket = required(setup);
  return {
    order: 'unordered',
    process: 'safe',
    update: 'rows',
    async deliver(delivery) {
      const Key = `${prefix}${windowFileName(delivery, format)}`;
      const Body = windowFile(delivery, format);
      const object = {
        Bucket,
        Key,
        Body,
        ContentType: contentTypes[format],
        IfNoneMatch: '*',
      };
      try {
        await client.send(new PutObjectCommand(object));
      } catch (error) {
        if (!(error instanceof S3ServiceException && error.$metadata.httpStatusCode === 412)) throw error;
        const { Body: standing } = await client.send(new GetObjectCommand({ Bucket, Key }));
        if (standing === undefined) throw error;
        checkStanding(`s3://${Bucket}/${Key}`, await standing.transformToByteArray(), Body, delivery);
      }
    },
  };
};
