import type {
  Attribute,
  Attributes,
  Change,
  Clause,
  Item,
  Key,
  Range,
  UpdateOutcome,
  WriteOutcome,
} from '../state/table/table.ts';
import { compareUtf8 } from './utf8-order.ts';

/** DynamoDB's limit for an item, in bytes. */
const mostItemBytes = 400 * 1024;

/**
 * The items of one table. Each method takes effect at once and as a whole, at the moment at which the operation is
 * linearized. Writes that DynamoDB refuses as invalid (an empty set, an empty key, an item beyond 400 KB) throw.
 */
export interface ItemStore {
  get(key: Key): Item | undefined;
  query(pk: string, range?: Range): readonly Item[];
  put(item: Item, when?: readonly Clause[]): WriteOutcome;
  update(key: Key, change: Change, when?: readonly Clause[]): UpdateOutcome;
  delete(key: Key, when?: readonly Clause[]): WriteOutcome;
  /** Every item, in an arbitrary order. */
  all(): Iterable<Item>;
}

/** The items of a partition, and their sort keys in order. */
interface Partition {
  readonly items: Map<string, Item>;
  readonly keys: string[];
}

export function itemStore(): ItemStore {
  const partitions = new Map<string, Partition>();

  const find = ({ pk, sk }: Key) => partitions.get(pk)?.items.get(sk);

  function store(item: Item): void {
    checkItem(item);
    const { pk, sk } = item;
    const partition = partitions.get(pk);
    if (partition === undefined) {
      partitions.set(pk, { items: new Map([[sk, item]]), keys: [sk] });
      return;
    }
    const { items, keys } = partition;
    if (!items.has(sk)) keys.splice(firstFrom(keys, sk), 0, sk);
    items.set(sk, item);
  }

  return {
    get: find,
    query(pk, { from, to, order, limit, only } = {}) {
      const partition = partitions.get(pk);
      if (partition === undefined) return [];
      const { items, keys } = partition;
      const first = from === undefined ? 0 : firstFrom(keys, from);
      const behind = to === undefined ? keys.length : firstFrom(keys, `${to}\u0000`);
      const least = order === 'descending' ? Math.max(first, behind - (limit ?? behind)) : first;
      const most = order === 'descending' ? behind : Math.min(behind, first + (limit ?? behind));
      const taken = keys.slice(least, most).flatMap((sk) => items.get(sk) ?? []);
      if (order === 'descending') taken.reverse();
      if (only === undefined) return taken;
      const isWanted = ([name]: readonly [string, unknown]) => only.includes(name);
      return taken.map((item) => ({
        ...item,
        attributes: Object.fromEntries(Object.entries(item.attributes).filter(isWanted)),
      }));
    },
    put({ pk, sk, attributes }, when = []) {
      if (!holds(find({ pk, sk }), when)) return 'refused';
      store({ pk, sk, attributes: copyOf(attributes) });
      return 'applied';
    },
    update(key, change, when = []) {
      const present = find(key);
      if (!holds(present, when)) return { outcome: 'refused' };
      const item = { pk: key.pk, sk: key.sk, attributes: { ...present?.attributes, ...copyOf(change.set) } };
      store(item);
      return { outcome: 'applied', item };
    },
    delete(key, when = []) {
      if (!holds(find(key), when)) return 'refused';
      const partition = partitions.get(key.pk);
      if (partition?.items.delete(key.sk) === true) partition.keys.splice(firstFrom(partition.keys, key.sk), 1);
      return 'applied';
    },
    *all() {
      for (const { items } of partitions.values()) yield* items.values();
    },
  };
}

/** The place of the first key that is not before another one: mostly the end, as logs and windows grow there. */
function firstFrom(keys: readonly string[], sk: string): number {
  let [low, high] = [0, keys.length];
  const last = keys[high - 1];
  if (last === undefined || compareUtf8(last, sk) < 0) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareUtf8(keys[middle] ?? '', sk) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function holds(item: Item | undefined, when: readonly Clause[]): boolean {
  for (const clause of when) if (!clauseHolds(item?.attributes[clause.attribute], clause)) return false;
  return true;
}

function clauseHolds(value: Attribute | undefined, clause: Clause): boolean {
  switch (clause.is) {
    case 'absent':
      return value === undefined;
    case 'present':
      return value !== undefined;
    case 'equal':
      return value === clause.to;
    case 'absentOrBelow':
      return value === undefined || (typeof value === 'number' && value < clause.bound);
    case 'absentOrOther':
      return value !== clause.than;
  }
}

function copyOf(attributes: Attributes): Attributes {
  // The spread gives the object its shape, which is faster than adding one name after the other.
  const copy: Record<string, Attribute> = { ...attributes };
  for (const name in copy) {
    const value = copy[name];
    if (typeof value === 'object' && value !== null) copy[name] = structuredCopy(value);
  }
  return copy;
}

function structuredCopy(value: Attribute): Attribute {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(structuredCopy);
  return copyOf(value as Attributes);
}

/**
 * The size of an item about as DynamoDB counts it; exact for ASCII. @throws for an attribute of a kind that DynamoDB
 * does not store
 */
export function itemBytes(item: Item): number {
  let bytes = item.pk.length + item.sk.length;
  for (const name in item.attributes) bytes += name.length + bytesOf(name, item.attributes[name] ?? null);
  return bytes;
}

function checkItem(item: Item): void {
  if (item.pk === '' || item.sk === '') throw new Error('an empty key');
  const bytes = itemBytes(item);
  if (bytes > mostItemBytes)
    throw new Error(`item ${item.pk} / ${item.sk} has ${bytes} bytes, more than ${mostItemBytes}`);
}

function bytesOf(name: string, value: Attribute): number {
  if (typeof value === 'string') return value.length;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Error(`attribute ${name} is ${value}`);
    return 9;
  }
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof Uint8Array) return value.length;
  let bytes = 3;
  if (Array.isArray(value)) for (const of of value as readonly Attribute[]) bytes += 1 + bytesOf(name, of);
  else for (const inner in value) bytes += inner.length + 1 + bytesOf(inner, (value as Attributes)[inner] ?? null);
  return bytes;
}
