import { secretPartition } from '../../core/deployment/tables.ts';
import { type Key, type Table, textOf } from '../table/table.ts';

const key: Key = { pk: secretPartition, sk: 'cursor' };

/** The secret that cursors are signed with. The first caller makes it, once for a deployment: a conditional write. */
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
