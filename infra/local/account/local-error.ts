import { TidemarkError } from '../../../functions/core/arguments/error.ts';

/** The kind of an error, for code that distinguishes the cases (a message is for people only). */
export type LocalErrorCode =
  | 'packageRoot'
  | 'pipelineFile'
  | 'bundle'
  | 'cache'
  | 'dataFolder'
  | 'dataFolderInUse'
  | 'diskFull'
  | 'checkpoints'
  | 'portInUse'
  | 'port'
  | 'shards'
  | 'processDied';

/**
 * A mistake of the user, or a fault of the machine, that ends the embedded AWS. `message` is one line that names the
 * remedy.
 */
export class LocalError extends TidemarkError {
  override readonly name: string = 'LocalError';
  readonly code: LocalErrorCode;

  constructor(code: LocalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The error for a port that cannot be listened on. */
export function cannotListen(port: number, error: unknown): LocalError {
  if (systemCode(error) === 'EADDRINUSE')
    return new LocalError(
      'portInUse',
      `port: ${port} is in use by another program: stop that or choose another port (0 for any)`,
    );
  return new LocalError(
    'port',
    `port: cannot listen on ${port} (${messageOf(error)}): choose another port (0 for any)`,
  );
}

/** The first line of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.split('\n', 1)[0] ?? '';
}

/**
 * Whether a write failed because the disk, or the user's share of it, is full. esbuild and LevelDB report it in words
 * only.
 */
export function isDiskFull(thrown: unknown): boolean {
  const code = systemCode(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT' || /no space left|disk quota/i.test(messageOf(thrown))) return true;
  return thrown instanceof Error && thrown.cause !== undefined && isDiskFull(thrown.cause);
}

/** Node's code of a failed system call (`EADDRINUSE`, `ENOSPC`), or undefined. */
export function systemCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}
