import { argumentError, TidemarkError } from '../../core/arguments/error.ts';
import { isoTime } from '../../core/events/event-time.ts';
import { type Item, type Key, numberOf, type Table, textOf } from '../table/table.ts';
import type { Stream, StreamIdentity } from './stream.ts';

const key: Key = { pk: 'stream', sk: 'stream' };

/**
 * Checks that the stream is the one that the state belongs to. It is noted at first sight and compared ever after.
 * Another stream of the same name has shards of the same names, which would be taken for the old ones. A shard that was
 * noted drained would never hold the watermark again. Every other shard would hold it where the old shard had come to.
 *
 * Records that were read of the stream *before* this call are proven to be of the right one: a deleted stream does not
 * come back.
 * @throws TidemarkError when it is another stream: nothing must be made of its records here
 */
export async function checkStream(state: Table, stream: Stream): Promise<void> {
  const [found, item] = await Promise.all([stream.identity(), state.get(key)]);
  const noted = item === undefined ? await note(state, found) : identityOf(item);
  if (noted.name === found.name && markOf(noted) === markOf(found)) return;
  throw argumentError(
    'stream',
    found.name,
    `was ${markOf(found)}, and the tables hold what became of stream ${noted.name}, ${markOf(noted)}: ` +
      'deploy the pipeline as another stack, cdk deploy -c stage=NAME (tidemark: with another --data folder), whose windows begin anew beside the old ones',
  );
}

/** Notes a stream. Conditional: the first note stays and is returned. */
async function note(state: Table, found: StreamIdentity): Promise<StreamIdentity> {
  const { outcome } = await state.update(key, { set: { ...found } }, [{ attribute: 'name', is: 'absent' }]);
  if (outcome === 'applied') return found;
  const item = await state.get(key);
  if (item === undefined) throw new Error('the note of the stream was refused and is not there');
  return identityOf(item);
}

function identityOf(item: Item): StreamIdentity {
  const name = textOf(item, 'name');
  const createdAt = numberOf(item, 'createdAt');
  const id = textOf(item, 'id');
  if (name !== undefined && createdAt !== undefined) return { name, createdAt };
  if (name !== undefined && id !== undefined) return { name, id };
  throw new Error(`item ${item.pk} / ${item.sk}: not a stream`);
}

/** The mark that a stream shares with no other of its name, for comparing and for people. */
function markOf(identity: StreamIdentity): string {
  return 'id' in identity ? `created with the id ${identity.id}` : `created at ${isoTime(identity.createdAt)}`;
}

/**
 * The check for a function with many invocations. It is made until it has been passed once. A failure to ask is told
 * and not thrown. A thousand shards that start at once ask for more than Kinesis answers (20 descriptions a second),
 * and no shard should wait for that. The next invocation asks again, and every finalize run does.
 * @returns a function that throws a TidemarkError when the stream is another one
 */
export function streamGuard(state: Table, stream: Stream, tell: (error: unknown) => void): () => Promise<void> {
  let passed = false;
  return async () => {
    if (passed) return;
    try {
      await checkStream(state, stream);
      passed = true;
    } catch (error) {
      if (error instanceof TidemarkError) throw error;
      tell(error);
    }
  };
}
