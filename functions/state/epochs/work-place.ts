import { type Attributes, type Item, type Key, numberOf, type Table } from '../table/table.ts';

/**
 * How far a long piece of an epoch's work has come, as its run noted it: the next run goes on behind that.
 * @param work the piece; one item for all epochs
 * @returns undefined: nothing of it is done in this epoch
 */
export async function readWorkPlace(state: Table, work: Key, epoch: number): Promise<Item | undefined> {
  const item = await state.get(work);
  return item !== undefined && numberOf(item, 'epoch') === epoch ? item : undefined;
}

/**
 * Notes {@link readWorkPlace}. A later epoch's note stays. Of overlapping runs the last one is as good as any: what
 * lies between two notes is done again, and finds itself done.
 */
export async function noteWorkPlace(state: Table, work: Key, epoch: number, place: Attributes): Promise<void> {
  await state.put({ ...work, attributes: { epoch, ...place } }, [
    { attribute: 'epoch', is: 'absentOrBelow', bound: epoch + 1 },
  ]);
}
