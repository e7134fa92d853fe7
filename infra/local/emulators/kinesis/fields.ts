import { KinesisError } from './kinesis-error.ts';

/** The rule of a field of a request, as Kinesis's API reference states it. */
export type Field = { readonly required?: true } & (
  | { readonly type: 'text'; readonly most: number; readonly pattern?: RegExp }
  | { readonly type: 'number'; readonly least: number; readonly most: number }
  | { readonly type: 'time' | 'object' }
  | { readonly type: 'bytes'; readonly most: number }
  | { readonly type: 'list'; readonly most: number; readonly of: Fields }
);

/** The rules of a request, by the name of the field. Fields without a rule are not looked at. */
export type Fields = Readonly<Record<string, Field>>;

/** A request that was checked against its rules. */
export type Request = Readonly<Record<string, unknown>>;

/**
 * Checks a request against its rules, and turns base64 into bytes.
 * @throws KinesisError `SerializationException` for a value of another type, `ValidationException` for one out of bounds
 */
export function checkFields(request: Request, fields: Fields, path = ''): Request {
  const checked: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = request[name] ?? undefined;
    const place = `${path}${name.charAt(0).toLowerCase()}${name.slice(1)}`;
    if (value !== undefined) checked[name] = checkValue(value, field, place);
    else if (field.required) throw broken('null', place, 'Member must not be null');
  }
  return checked;
}

function checkValue(value: unknown, field: Field, place: string): unknown {
  switch (field.type) {
    case 'text':
      return checkText(value, field, place);
    case 'number':
      if (typeof value !== 'number') throw otherType(place, 'a number');
      if (value < field.least) throw broken(value, place, bound('value', 'greater', field.least));
      if (value > field.most) throw broken(value, place, bound('value', 'less', field.most));
      return Math.floor(value);
    case 'time':
      if (typeof value !== 'number') throw otherType(place, 'a number of seconds since 1970');
      return value;
    case 'bytes':
      return checkBytes(value, field.most, place);
    case 'object':
      if (!isRequest(value)) throw otherType(place, 'an object');
      return value;
    case 'list':
      if (!Array.isArray(value)) throw otherType(place, 'a list');
      if (value.length < 1) throw broken('[]', place, bound('length', 'greater', 1));
      if (value.length > field.most) throw broken('[...]', place, bound('length', 'less', field.most));
      return value.map((each, i) => {
        if (!isRequest(each)) throw otherType(`${place}.${i + 1}`, 'an object');
        return checkFields(each, field.of, `${place}.${i + 1}.member.`);
      });
  }
}

function checkText(value: unknown, field: Field & { readonly type: 'text' }, place: string): string {
  if (typeof value !== 'string') throw otherType(place, 'a string');
  if (value.length < 1) throw broken(value, place, bound('length', 'greater', 1));
  if (value.length > field.most) throw broken(value, place, bound('length', 'less', field.most));
  if (field.pattern?.test(value) === false)
    throw broken(value, place, `Member must satisfy regular expression pattern: ${field.pattern.source}`);
  return value;
}

function checkBytes(value: unknown, most: number, place: string): Buffer {
  if (typeof value !== 'string') throw otherType(place, 'base64');
  const bytes = Buffer.from(value, 'base64');
  if (bytes.toString('base64') !== value) throw otherType(place, 'base64');
  if (bytes.length > most) throw broken(`${bytes.length} bytes`, place, bound('length', 'less', most));
  return bytes;
}

/** Whether a value of JSON is an object. */
export function isRequest(value: unknown): value is Request {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bound(what: 'value' | 'length', comparison: 'less' | 'greater', than: number): string {
  return `Member must have ${what} ${comparison} than or equal to ${than}`;
}

function broken(value: unknown, place: string, rule: string): KinesisError {
  const shown = value === 'null' ? value : `'${value}'`;
  return new KinesisError(
    'ValidationException',
    `1 validation error detected: Value ${shown} at '${place}' failed to satisfy constraint: ${rule}`,
  );
}

function otherType(place: string, type: string): KinesisError {
  return new KinesisError('SerializationException', `The value at '${place}' is not ${type}.`);
}
