/**
 * Keeps the process alive when a promise that nobody holds is rejected, and tells of it.
 *
 * A schema is the user's code, and has to be synchronous. One that is not, zod's `refine` with a promise, is found out
 * and its event rejected; but zod leaves the promise behind, where nobody can catch it. If it fails, Node ends the
 * process (Lambda's runtime does the same with a listener of its own, hence the removal), the batch is delivered again,
 * and so on for ever: one event would block its shard. Our own promises are all awaited, so nothing else gets here.
 */
export function surviveOrphanRejections(tell: (reason: unknown) => void): void {
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason) => tell(reason));
}
