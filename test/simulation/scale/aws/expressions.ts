import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An item in DynamoDB's form. */
export type StoredItem = Readonly<Record<string, AttributeValue>>;

/** The expressions of a request, as functions/state/table/dynamodb-table.ts writes them. */
export interface Expressions {
  readonly ConditionExpression?: string | undefined;
  readonly KeyConditionExpression?: string | undefined;
  readonly UpdateExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Readonly<Record<string, AttributeValue>> | undefined;
}

/** @throws for a placeholder that the request does not define */
function nameOf({ ExpressionAttributeNames: names = {} }: Expressions, placeholder = ''): string {
  const name = names[placeholder];
  if (name === undefined) throw new Error(`unknown placeholder ${placeholder}`);
  return name;
}

function attributeOf({ ExpressionAttributeValues: values = {} }: Expressions, placeholder = ''): AttributeValue {
  const value = values[placeholder];
  if (value === undefined) throw new Error(`unknown placeholder ${placeholder}`);
  return value;
}

const scalar = (value: AttributeValue | undefined): string | number | undefined =>
  value?.N === undefined ? value?.S : Number(value.N);

/** Whether the condition of a write holds. @throws for a form that the table never writes */
export function conditionHolds(request: Expressions, item: StoredItem | undefined): boolean {
  const { ConditionExpression: condition } = request;
  if (condition === undefined) return true;
  return condition.split(/ AND /).every((clause) => clauseHolds(request, clause.replace(/^\(|\)$/g, ''), item));
}

function clauseHolds(request: Expressions, clause: string, item: StoredItem | undefined): boolean {
  const [first, other] = clause.split(' OR ');
  if (other !== undefined) return clauseHolds(request, first ?? '', item) || clauseHolds(request, other, item);
  const exists = /^attribute_(not_)?exists\((#\w+)\)?$/.exec(clause);
  if (exists !== null) return (item?.[nameOf(request, exists[2])] !== undefined) === (exists[1] === undefined);
  const compared = /^(#\w+) (=|<|<=|>|>=|<>) (:\w+)$/.exec(clause);
  if (compared === null) throw new Error(`unknown condition ${clause}`);
  const held = scalar(item?.[nameOf(request, compared[1])]);
  const than = scalar(attributeOf(request, compared[3]));
  if (held === undefined || than === undefined || typeof held !== typeof than) return compared[2] === '<>';
  switch (compared[2]) {
    case '=':
      return held === than;
    case '<>':
      return held !== than;
    case '<':
      return held < than;
    case '<=':
      return held <= than;
    case '>':
      return held > than;
    default:
      return held >= than;
  }
}

/** The attributes that an update sets. @throws for a form that the table never writes */
export function setBy(request: Expressions): StoredItem {
  const { UpdateExpression: update = '' } = request;
  if (!update.startsWith('SET ')) throw new Error(`unknown update ${update}`);
  return Object.fromEntries(
    update
      .slice('SET '.length)
      .split(', ')
      .map((term) => {
        const set = /^(#\w+) = (:\w+)$/.exec(term);
        if (set === null) throw new Error(`unknown update ${term}`);
        return [nameOf(request, set[1]), attributeOf(request, set[2])];
      }),
  );
}

/** What a query asks for: a partition, and sort keys from and to, both inclusive. */
export interface KeyRange {
  readonly pk: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** @throws for a form that the table never writes */
export function keyRangeOf(request: Expressions): KeyRange {
  const { KeyConditionExpression: condition = '' } = request;
  const text = (placeholder: string | undefined) => attributeOf(request, placeholder).S ?? '';
  const whole = /^(#\w+) = (:\w+)(?: AND (#\w+) (BETWEEN|>=|<=|=) (:\w+)(?: AND (:\w+))?)?$/.exec(condition);
  if (whole === null) throw new Error(`unknown key condition ${condition}`);
  const [, , pk, , operator, first, second] = whole;
  const bound = first === undefined ? undefined : text(first);
  return {
    pk: text(pk),
    from: operator === '<=' ? undefined : bound,
    to: operator === 'BETWEEN' ? text(second) : operator === '>=' ? undefined : bound,
  };
}
