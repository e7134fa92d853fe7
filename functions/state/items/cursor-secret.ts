import { secretPartition } from '../../core/deployment/tables.ts';
import { type Key, type Table, textOf } from '../table/table.ts';

const key: Key = { pk: secretPartition, sk: 'cursor' };

/** What cursors are signed with, made once for a deployment by whoever asks first: a conditional write. */
export async function cursorSecret(state: Table, newSecret: () => string): Promise<string> {
  for (;;) {
    const item = await state.get(key);
    const known = item === undefined ? undefined : textOf(item, 'secret');
    if (known !== undefined) return known;
    const secret = newSecret();
    const { outcome } = await state.update(key, { set: { secret } }, [{ attribute: 'secret', is: 'absent' }]);
    if (outcome === 'applied') return secret;
  }
}
