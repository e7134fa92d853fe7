/**
 * Keeps the process alive when a promise that nobody holds is rejected, and tells of it.
 *
 * A schema is the user's code, and has to be synchronous. One that is not, such as zod's `refine` with a promise, is
 * found out, and its event is rejected. But zod leaves the promise behind, where nobody can catch it. If it fails, Node
 * ends the process. Lambda's runtime does the same with a listener of its own, hence the removal. The batch would then
 * be delivered again, for ever: one event would block its shard. Our own promises are all awaited, so no other
 * rejection gets here.
 */
export function surviveOrphanRejections(tell: (reason: unknown) => void): void {
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason) => tell(reason));
}
