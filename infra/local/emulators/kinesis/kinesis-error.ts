/** The errors by which Kinesis refuses a request, with the codes that AWS documents. */
export type KinesisErrorCode =
  | 'ExpiredIteratorException'
  | 'InvalidArgumentException'
  | 'LimitExceededException'
  | 'MissingAuthenticationTokenException'
  | 'ResourceInUseException'
  | 'ResourceNotFoundException'
  | 'SerializationException'
  | 'UnknownOperationException'
  | 'ValidationException';

/** A refusal: the answer has status 400, this code and this message. */
export class KinesisError extends Error {
  override readonly name = 'KinesisError';
  readonly code: KinesisErrorCode;

  constructor(code: KinesisErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A value of a request that its type allows, and that does not fit the stream. */
export function invalidArgument(message: string): KinesisError {
  return new KinesisError('InvalidArgumentException', message);
}
