import type { KeyText } from '../events/group-key.ts';
import type { Window } from '../windows/window.ts';
import type { SessionWindow } from './join.ts';

/** A final session that became visible in the meantime. */
export interface FinalSession extends Window {
  readonly keys: Iterable<KeyText>;
}

/** Sessions that are not final, as a reader sees them. */
export interface LiveSessions {
  /** The sessions that the finalizer will emit as they are, unless somebody is still writing. */
  readonly closing: readonly SessionWindow[];
  readonly open: readonly SessionWindow[];
}
