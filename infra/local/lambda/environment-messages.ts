/** The data that an execution environment receives once, as its `workerData`. */
export interface EnvironmentData {
  /** The bundled function; its export `handler` is invoked. */
  readonly handlerFile: string;
}

/** One invocation: the event as JSON text in UTF-8, and the data of the context object. */
export interface InvokeMessage {
  readonly type: 'invoke';
  readonly event: Uint8Array;
  readonly requestId: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMb: number;
  readonly timeoutMs: number;
}

/** A function error as Lambda reports it. */
export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/**
 * A message of an execution environment. `log` comes in the order of writing, always before the result it belongs to.
 */
export type FromEnvironment =
  | { readonly type: 'ready' }
  | { readonly type: 'initError'; readonly error: FunctionError }
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'result'; readonly payload: string }
  | { readonly type: 'error'; readonly error: FunctionError };
