import type { LocalErrorCode } from '../account/local-error.ts';

/** The three child processes. */
export type ProcessKind = 'emulators' | 'runner' | 'functions';

/** The ports (127.0.0.1) that a child serves, by what is served there. */
export type Ports = Readonly<Record<string, number>>;

/** What the parent says to a child. */
export type ToChild<Options> = { readonly type: 'start'; readonly options: Options } | { readonly type: 'stop' };

/**
 * What a child says to its parent. `memo` is what the child wants to be given when it is started anew after its death.
 */
export type FromChild =
  | { readonly type: 'ready'; readonly ports: Ports }
  | { readonly type: 'fatal'; readonly code: LocalErrorCode; readonly message: string }
  | { readonly type: 'memo'; readonly memo: unknown };
