import { TidemarkError } from '../../functions/core/arguments/error.ts';

export { TidemarkError };

/**
 * A mistake in how a command was called: one line on stderr, exit code 2. The message names the option, the value and
 * the remedy.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The line about an error, and the exit code. `unexpected`: a bug or an unknown fault; `--debug` shows its stack. */
export interface ErrorReport {
  readonly message: string;
  readonly exitCode: 1 | 2;
  readonly kind: 'expected' | 'unexpected';
}

/** The properties that are read of errors that others threw. All are optional, because anything can be thrown. */
interface Fault {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly path: string;
  readonly address: string;
  readonly port: string;
}

/**
 * The translations of errors; the first match wins. All errors that AWS, the network and the file system show to a user
 * go through here.
 */
const translations: readonly { readonly when: RegExp; readonly say: (fault: Fault) => string }[] = [
  {
    when: /^ECONNREFUSED$/,
    say: (f) =>
      `nothing listens at ${f.address || 'the endpoint'}${f.port && `:${f.port}`}: start it (tidemark up --port P), or correct --port, --endpoint or AWS_ENDPOINT_URL`,
  },
  {
    when: /^(ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/,
    say: (f) =>
      `the endpoint cannot be reached (${oneLine(f.message)}): check the network, --endpoint, AWS_ENDPOINT_URL and the region`,
  },
  {
    when: /^(ECONNRESET|EPIPE|ETIMEDOUT|TimeoutError)$/,
    say: (f) =>
      `the connection to the endpoint broke (${oneLine(f.message)}): run the command again (replay --resume puts only what is missing)`,
  },
  { when: /^EADDRINUSE$/, say: (f) => `port ${f.port} is in use: choose another --port, or stop what listens there` },
  { when: /^ENOENT$/, say: (f) => `${f.path || oneLine(f.message)} does not exist: correct the path` },
  { when: /^(EACCES|EPERM)$/, say: (f) => `${f.path || oneLine(f.message)}: permission denied` },
  { when: /^EISDIR$/, say: (f) => `${f.path || 'a path given'} is a folder: name the files in it` },
  {
    when: /^(ENOTDIR|EEXIST)$/,
    say: (f) =>
      `${f.path || oneLine(f.message)} goes through a file, and a folder is needed there: choose another path`,
  },
  {
    when: /^(ELOOP|ENAMETOOLONG)$/,
    say: (f) => `${f.path || oneLine(f.message)} is not a path that leads anywhere (${f.code}): correct it`,
  },
  { when: /^ENOSPC$/, say: (f) => `no space left on the device${f.path && ` for ${f.path}`}` },
  {
    when: /^(EPROTO|ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/,
    say: (f) =>
      `no TLS connection to the endpoint (${f.code}): check whether its address begins with http:// or https://, and its certificate`,
  },
  {
    when: /^(CredentialsProviderError|CredentialsError)$/,
    say: (f) =>
      `no AWS credentials found (${oneLine(f.message)}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use --port for the embedded AWS`,
  },
  {
    when: /^(ExpiredToken|ExpiredTokenException|UnrecognizedClientException|InvalidClientTokenId|InvalidSignatureException|TokenRefreshRequired)$/,
    say: (f) =>
      `AWS does not accept the credentials (${f.name}): renew them (aws sso login) or choose another AWS_PROFILE`,
  },
  {
    when: /^(AccessDenied|AccessDeniedException|NotAuthorized)$/,
    say: (f) => `AWS denies access: ${oneLine(f.message)}`,
  },
  {
    when: /^(ResourceNotFoundException|ResourceNotFoundFault)$/,
    say: (f) =>
      `not found: ${oneLine(f.message)} Deploy it (npm run cdk -- deploy), start it (tidemark up), or correct --stream, --pipeline, --port or the region`,
  },
  { when: /^(ResourceInUseException)$/, say: (f) => `in use: ${oneLine(f.message)}` },
  {
    when: /^(ProvisionedThroughputExceededException|ThrottlingException|Throttling|LimitExceededException|RequestLimitExceeded|TooManyRequestsException|KMSThrottlingException|InternalFailure)$/,
    say: (f) =>
      `AWS throttles (${f.name}: ${oneLine(f.message)}): add shards or raise the limit, feed slower (--rate), and run the command again`,
  },
];

/** Turns whatever was thrown into one clear line and an exit code. */
export function reportError(error: unknown): ErrorReport {
  const fault = faultOf(error);
  if (fault.name === 'UsageError') return { message: oneLine(fault.message), exitCode: 2, kind: 'expected' };
  if (isExpected(error)) return { message: oneLine(fault.message), exitCode: 1, kind: 'expected' };
  if (/^Region is missing/.test(fault.message)) {
    return {
      message: 'no AWS region: set AWS_REGION (or the region of the profile), or use --port for the embedded AWS',
      exitCode: 1,
      kind: 'expected',
    };
  }
  if (fault.message === 'bad port') {
    return {
      message:
        'HTTP clients refuse this port, which another service is known by: choose another --port for tidemark up',
      exitCode: 1,
      kind: 'expected',
    };
  }
  // The SDK has tried to read an answer that did not come from AWS.
  if (fault.name === 'SyntaxError' && typeof error === 'object' && error !== null && '$response' in error) {
    return {
      message: 'the server at the endpoint is not AWS: correct --port, --endpoint or AWS_ENDPOINT_URL',
      exitCode: 1,
      kind: 'expected',
    };
  }
  for (const key of [fault.code, fault.name]) {
    const known = translations.find(({ when }) => key !== '' && when.test(key));
    if (known) return { message: known.say(fault), exitCode: 1, kind: 'expected' };
  }
  return { message: oneLine(fault.message) || fault.name, exitCode: 1, kind: 'unexpected' };
}

/**
 * Whether an error is expected. The names along the prototype chain count too: a pipeline bundled on the fly brings its
 * own copy of the core and of its error class.
 */
function isExpected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof TidemarkError || error.name === 'TidemarkError') return true;
  for (let at: unknown = Object.getPrototypeOf(error); at instanceof Error; at = Object.getPrototypeOf(at)) {
    if (/^_?TidemarkError\d*$/.test(at.constructor.name)) return true;
  }
  return false;
}

function faultOf(error: unknown): Fault {
  const source: unknown = innermost(error);
  const read = (name: string): string => {
    if (typeof source !== 'object' || source === null) return '';
    const value: unknown = Reflect.get(source, name);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  return {
    name: read('name'),
    message: source instanceof Error ? source.message : String(source),
    code: read('code'),
    path: shortened(read('path')),
    address: read('address'),
    port: read('port'),
  };
}

/**
 * The error that says the most. `fetch` says that it failed and hides why in the cause. A failure to connect over both
 * IPv4 and IPv6 is an AggregateError without a message; its first part says where.
 */
function innermost(error: unknown): unknown {
  if (error instanceof TypeError && error.message === 'fetch failed' && error.cause !== undefined)
    return innermost(error.cause);
  return error instanceof AggregateError && error.message === '' ? error.errors[0] : error;
}

const longestPath = 300;

function shortened(path: string): string {
  return path.length > longestPath ? `${path.slice(0, longestPath)}...` : path;
}

function oneLine(text: string): string {
  return text
    .split(/\s*\n\s*/)
    .filter((line) => line !== '')
    .join(' ');
}
