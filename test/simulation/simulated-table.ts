import type { Item, Range, Table } from '../../functions/state/table/table.ts';
import type { ItemStore } from '../../functions/testing/item-store.ts';
import type { Network, Process } from './network.ts';

/**
 * A table as one process sees it through the network. A call takes effect at one moment. A query may take effect in two
 * pages, or item by item: it is no snapshot.
 */
export function simulatedTable(
  name: string,
  store: (process: Process) => ItemStore,
  process: Process,
  network: Network,
): Table {
  const items = store(process);
  const key = ({ pk, sk }: { readonly pk: string; readonly sk: string }) => `${name} ${pk} / ${sk}`;
  const call = <T>(describe: () => string, effect: () => T) => network.call(process, describe, effect);
  /** What is put while a range is read may be seen or not, item by item. */
  async function queryTorn(pk: string, range: Range, describe: () => string): Promise<readonly Item[]> {
    const before = await call(describe, () => items.query(pk, range));
    const after = await call(describe, () => items.query(pk, range));
    const seen = new Map(before.map((item) => [item.sk, item]));
    return after.flatMap((item) => {
      const earlier = seen.get(item.sk);
      if (network.seesNew()) return [item];
      return earlier === undefined ? [] : [earlier];
    });
  }
  async function queryInPages(pk: string, range: Range, describe: () => string): Promise<readonly Item[]> {
    const first = await call(describe, () => {
      const all = items.query(pk, range);
      return all.slice(0, Math.ceil(all.length / 2));
    });
    const last = first[first.length - 1];
    if (last === undefined) return first;
    const rest = await call(describe, () =>
      items.query(pk, { ...range, from: last.sk }).filter(({ sk }) => sk !== last.sk),
    );
    return [...first, ...rest];
  }
  return {
    get: (of) =>
      call(
        () => `get ${key(of)}`,
        () => items.get(of),
      ),
    query(pk, range = {}) {
      const describe = () => `query ${name} ${pk} ${JSON.stringify(range)}`;
      const isWhole = range.limit !== undefined || range.order === 'descending' || !network.splitsQueries();
      if (isWhole) return call(describe, () => items.query(pk, range));
      return network.seesNew() ? queryTorn(pk, range, describe) : queryInPages(pk, range, describe);
    },
    put: (item, when) =>
      call(
        () => `put ${key(item)} ${JSON.stringify(item.attributes).slice(0, 300)} if ${JSON.stringify(when)}`,
        () => items.put(item, when),
      ),
    async putAll(all) {
      const half = Math.ceil(all.length / 2);
      for (const part of [all.slice(0, half), all.slice(half)]) {
        if (part.length === 0) continue;
        await call(
          () => `put all ${part.map(key).join(', ')}`,
          () => {
            for (const item of part) items.put(item);
          },
        );
      }
    },
    update: (of, change, when) =>
      call(
        () =>
          `update ${key(of)} ${JSON.stringify(change, (_key, value) => (value instanceof Set ? [...value] : value))} if ${JSON.stringify(when)}`,
        () => items.update(of, change, when),
      ),
    delete: (of, when) =>
      call(
        () => `delete ${key(of)} if ${JSON.stringify(when)}`,
        () => items.delete(of, when),
      ),
  };
}
