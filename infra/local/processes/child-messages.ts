import type { LocalErrorCode } from '../account/local-error.ts';

/** The three child processes. */
export type ProcessKind = 'emulators' | 'runner' | 'functions';

/** The ports (127.0.0.1) that a child serves, by the name of the service. */
export type Ports = Readonly<Record<string, number>>;

/** A message of the parent to a child. */
export type ToChild<Options> = { readonly type: 'start'; readonly options: Options } | { readonly type: 'stop' };

/**
 * A message of a child to its parent. `memo` is the value that the child receives when it is started anew after its
 * death.
 */
export type FromChild =
  | { readonly type: 'ready'; readonly ports: Ports }
  | { readonly type: 'fatal'; readonly code: LocalErrorCode; readonly message: string }
  | { readonly type: 'memo'; readonly memo: unknown };
