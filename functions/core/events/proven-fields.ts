import type { JsonScalar } from './json-scalars.ts';

/** A field whose values a schema takes as they are or not at all, as far as that can be seen. */
export interface ProvenField {
  /** Whether it takes every finite number. */
  readonly anyNumber: boolean;
  /** Whether it takes every text. */
  readonly anyText: boolean;
  /** Whether it takes a value, and gives the same value. False where that is not sure. */
  readonly accepts: (value: JsonScalar) => boolean;
  /** Whether an event may lack it, and gets nothing in its place. */
  readonly mayMiss: boolean;
}

/**
 * The fields of a schema that judges each field for itself. An object whose fields are all accepted is accepted; what
 * the schema gives has these fields, with the values of the object, and no others.
 */
export interface ProvenFields {
  readonly fields: ReadonlyMap<string, ProvenField>;
  /** Whether an event may have other fields too, which are left out. */
  readonly takesOthers: boolean;
}

/** The members of a schema that are read here. */
interface Definition {
  readonly type?: unknown;
  readonly shape?: unknown;
  readonly catchall?: unknown;
  readonly checks?: unknown;
  readonly innerType?: unknown;
  readonly [name: string]: unknown;
}

/**
 * The proven fields of a zod object: of `z.object` and `z.strictObject`, without a check of the object as a whole. It
 * is not the schema of every pipeline, and undefined for all others: these are asked about each event.
 */
export function provenFields(schema: unknown): ProvenFields | undefined {
  try {
    return isZod(schema) ? fieldsOf(schema) : undefined;
  } catch {
    // Getters of other versions may throw.
    return undefined;
  }
}

function isZod(schema: unknown): schema is object {
  return memberOf(memberOf(schema, '~standard'), 'vendor') === 'zod';
}

/** The members that say nothing of the values: the type itself, messages, and how it was made. */
const plainMembers = ['type', 'error', 'checks', 'coerce', 'shape', 'catchall', 'entries', 'values', 'innerType'];

function definition(schema: unknown): Definition {
  const def = memberOf(memberOf(schema, '_zod'), 'def');
  return typeof def === 'object' && def !== null ? (def as Definition) : {};
}

/** Whether a schema is what its type says, without checks, formats and conversions. */
function isPlain(def: Definition): boolean {
  return (
    (def.checks === undefined || (Array.isArray(def.checks) && def.checks.length === 0)) &&
    (def.coerce === undefined || def.coerce === false) &&
    Object.keys(def).every((name) => plainMembers.includes(name))
  );
}

function fieldsOf(schema: object): ProvenFields | undefined {
  const def = definition(schema);
  const { shape, catchall } = def;
  if (def.type !== 'object' || !isPlain(def) || typeof shape !== 'object' || shape === null) return undefined;
  // Of a strict object it is `never`. Other schemas of the rest keep fields.
  if (catchall !== undefined && definition(catchall).type !== 'never') return undefined;
  const names = Reflect.ownKeys(shape);
  if (!names.every((name) => typeof name === 'string')) return undefined;
  // Such a name is found in every object, whether the event has the field or not.
  if (names.some((name) => name in Object.prototype)) return undefined;
  return {
    fields: new Map(names.map((name) => [name, fieldOf(Reflect.get(shape, name))])),
    takesOthers: catchall === undefined,
  };
}

/** A field that the schema is asked about. */
function askedField(schema: unknown): ProvenField {
  const standard = memberOf(schema, '~standard');
  const validate = memberOf(standard, 'validate');
  return {
    anyNumber: false,
    anyText: false,
    mayMiss: false,
    accepts(value) {
      if (typeof validate !== 'function') return false;
      try {
        const result: unknown = validate.call(standard, value);
        if (!(result instanceof Promise))
          return memberOf(result, 'issues') === undefined && Object.is(memberOf(result, 'value'), value);
        result.catch(() => undefined);
        return false;
      } catch {
        return false;
      }
    },
  };
}

function fieldOf(schema: unknown): ProvenField {
  const def = definition(schema);
  const { type } = def;
  if (!isPlain(def)) return askedField(schema);
  if (type === 'number') return ofType({ anyNumber: true }, (value) => typeof value === 'number');
  if (type === 'string') return ofType({ anyText: true }, (value) => typeof value === 'string');
  if (type === 'boolean') return ofType({}, (value) => typeof value === 'boolean');
  if (type === 'enum' || type === 'literal') {
    const values = memberOf(memberOf(schema, '_zod'), 'values');
    return values instanceof Set ? ofType({}, (value) => values.has(value)) : askedField(schema);
  }
  if (type === 'nullable') {
    const inner = fieldOf(def.innerType);
    return { ...inner, accepts: (value) => value === null || inner.accepts(value) };
  }
  // A default below would be put in place of the field; only schemas that are known to do nothing of the kind miss it.
  if (type === 'optional') return { ...fieldOf(def.innerType), mayMiss: isAbsentAsItIs(def.innerType) };
  return askedField(schema);
}

function ofType(known: Partial<ProvenField>, accepts: (value: JsonScalar) => boolean): ProvenField {
  return { anyNumber: false, anyText: false, mayMiss: false, ...known, accepts };
}

/** Whether `z.optional` of the schema gives nothing where there is nothing. */
function isAbsentAsItIs(schema: unknown): boolean {
  const def = definition(schema);
  const type = String(def.type);
  if (type === 'nullable' || type === 'optional') return isAbsentAsItIs(def.innerType);
  return ['number', 'string', 'boolean', 'enum', 'literal'].includes(type);
}

function memberOf(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  return Reflect.get(value, name);
}
