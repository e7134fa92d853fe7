/** The value of an attribute. */
export type Attribute =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly Attribute[]
  | { readonly [name: string]: Attribute };

/** The name of an item: a partition, and a sort key that orders the items of a partition by their UTF-8 bytes. */
export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** Attributes besides the key. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** An item as it is stored. */
export interface Item extends Key {
  readonly attributes: Attributes;
}

/** A condition of a write on the stored item. All clauses must hold. The attributes of a missing item are absent. */
export type Clause =
  | { readonly attribute: string; readonly is: 'absent' | 'present' }
  | { readonly attribute: string; readonly is: 'equal'; readonly to: string | number }
  | { readonly attribute: string; readonly is: 'absentOrBelow'; readonly bound: number }
  | { readonly attribute: string; readonly is: 'absentOrOther'; readonly than: string };

/** The effect of an update on an item. A missing item is created. */
export interface Change {
  /** Not empty. The attributes that it does not name stay. */
  readonly set: Attributes;
}

/** The outcome of a conditional write. Expected outcomes are values; only failures of infrastructure are thrown. */
export type WriteOutcome = 'applied' | 'refused';

/** The outcome of an update, with the whole item as it is afterwards. */
export type UpdateOutcome = { readonly outcome: 'applied'; readonly item: Item } | { readonly outcome: 'refused' };

/** A range of items of a partition, in the order of their sort keys. */
export interface Range {
  /** Inclusive. @default the first item */
  readonly from?: string;
  /** Inclusive. @default the last item */
  readonly to?: string;
  readonly order?: 'ascending' | 'descending';
  /** Most items to return. @default all */
  readonly limit?: number;
  /**
   * The attributes to return. The others are read all the same, but not sent.
   * @default all
   */
  readonly only?: readonly string[];
}

/**
 * One table, as the protocol needs it: single-item conditional writes and strongly consistent reads, each item
 * linearizable (DESIGN section 4). A failed call may have taken effect. Implemented by DynamoDB and by the simulator;
 * both pass test/contract/table-contract.ts.
 */
export interface Table {
  get(key: Key): Promise<Item | undefined>;
  /** All items of the range, each as it is at some moment between call and return. */
  query(pk: string, range?: Range): Promise<readonly Item[]>;
  /** Replaces the whole item. */
  put(item: Item, when?: readonly Clause[]): Promise<WriteOutcome>;
  /**
   * Replaces many items, unconditionally. Only for items whose content follows from their key. Some may be written when
   * it throws.
   */
  putAll(items: readonly Item[]): Promise<void>;
  update(key: Key, change: Change, when?: readonly Clause[]): Promise<UpdateOutcome>;
  delete(key: Key, when?: readonly Clause[]): Promise<WriteOutcome>;
}

/**
 * The text attribute of an item, or undefined.
 * @throws when the attribute has another type: it is not an item of ours
 */
export function textOf(item: Item, name: string): string | undefined {
  const value = item.attributes[name];
  if (value !== undefined && typeof value !== 'string') throw notOurs(item, name);
  return value;
}

/**
 * The numeric attribute of an item, or undefined.
 * @throws when the attribute has another type
 */
export function numberOf(item: Item, name: string): number | undefined {
  const value = item.attributes[name];
  if (value !== undefined && typeof value !== 'number') throw notOurs(item, name);
  return value;
}

function notOurs(item: Key, name: string): Error {
  return new Error(`item ${item.pk} / ${item.sk}: unexpected type of ${name}`);
}
