import { TidemarkError } from '../../functions/core/error.ts';

/** What went wrong, for code that has to tell the cases apart (a message is for people only). */
export type LocalErrorCode =
  | 'packageRoot'
  | 'pipelineFile'
  | 'bundle'
  | 'dataFolder'
  | 'dataFolderInUse'
  | 'diskFull'
  | 'checkpoints'
  | 'portInUse'
  | 'port'
  | 'shards'
  | 'processDied';

/** A mistake of the user's, or a fault of the machine, that ends the embedded AWS; `message` is one line that says what to do. */
export class LocalError extends TidemarkError {
  override readonly name: string = 'LocalError';
  readonly code: LocalErrorCode;

  constructor(code: LocalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The first line of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.split('\n', 1)[0] ?? '';
}

/** Node's code of a failed system call (`EADDRINUSE`, `ENOSPC`), or undefined. */
export function systemCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}
