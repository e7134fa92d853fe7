/** The kinds of values of a field, as far as they matter to an aggregate. `any`: its schema does not say. */
export type FieldKind = 'number' | 'text' | 'neither' | 'any';

/** The fields of an event by name, each with the kinds of its values. */
export type SchemaFields = ReadonlyMap<string, ReadonlySet<FieldKind>>;

/** The kinds of a field of which only the name is known. */
export const anyKind: ReadonlySet<FieldKind> = new Set(['any']);

/** The members of a schema of any library; none of them is sure to be there. */
interface Members {
  readonly [name: string]: unknown;
  readonly catchall?: unknown;
  readonly entries?: unknown;
  readonly innerType?: unknown;
  readonly kind?: unknown;
  readonly left?: unknown;
  readonly literal?: unknown;
  readonly options?: unknown;
  readonly out?: unknown;
  readonly pipe?: unknown;
  readonly right?: unknown;
  readonly shape?: unknown;
  readonly type?: unknown;
  readonly values?: unknown;
  readonly wrapped?: unknown;
}

/**
 * The fields that a schema gives its events, where they can be listed. Schemas of zod, valibot and arktype are read by
 * their public shapes, without a dependency on any of them. Undefined where the fields are not known: the schema is
 * open to others, is made by a function, or is of another library. A guess would refuse a pipeline that is right.
 */
export function schemaFields(schema: unknown): SchemaFields | undefined {
  try {
    const vendor = memberAt(schema, ['~standard', 'vendor']);
    if (vendor === 'zod') return zodFields(schema);
    if (vendor === 'valibot') return valibotFields(schema);
    return vendor === 'arktype' ? arktypeFields(schema) : undefined;
  } catch {
    // Getters of other libraries, and of their other versions, may throw.
    return undefined;
  }
}

/** The zod schemas that only wrap another one, by the `type` of their definition. */
const zodWrappers = [
  'optional',
  'exactOptional',
  'nullable',
  'nonoptional',
  'default',
  'prefault',
  'readonly',
  'catch',
];

function zodFields(schema: unknown): SchemaFields | undefined {
  const def = zodDef(schema);
  const type = def.type;
  if (type === 'object') {
    const others = def.catchall;
    if (others !== undefined && zodDef(others).type !== 'never') return undefined;
    return byName(membersOf(def.shape), zodKinds);
  }
  if (type === 'pipe') return zodFields(def.out);
  if (type === 'union') return together(listOf(def.options).map(zodFields));
  if (type === 'intersection') return together([zodFields(def.left), zodFields(def.right)]);
  if (zodWrappers.includes(String(type))) return zodFields(def.innerType);
  return undefined;
}

const zodKindsByType: Readonly<Record<string, FieldKind>> = {
  number: 'number',
  int: 'number',
  bigint: 'number',
  string: 'text',
  template_literal: 'text',
  boolean: 'neither',
  date: 'neither',
  array: 'neither',
  object: 'neither',
  record: 'neither',
  tuple: 'neither',
  map: 'neither',
  set: 'neither',
};

function zodKinds(schema: unknown): readonly FieldKind[] {
  const def = zodDef(schema);
  const type = String(def.type);
  if (zodWrappers.includes(type)) return zodKinds(def.innerType);
  if (type === 'pipe') return zodKinds(def.out);
  if (type === 'union') return listOf(def.options).flatMap(zodKinds);
  if (type === 'enum') return Object.values(membersOf(def.entries)).map(kindOfValue);
  if (type === 'literal') return listOf(def.values).map(kindOfValue);
  return [zodKindsByType[type] ?? 'any'];
}

function zodDef(schema: unknown): Members {
  return membersOf(memberAt(schema, ['_zod', 'def']));
}

function valibotFields(schema: unknown): SchemaFields | undefined {
  const { type, entries, options, pipe } = valibotOutput(schema);
  if (pipe === 'transformed') return undefined;
  if (type === 'object' || type === 'strict_object') return byName(membersOf(entries), valibotKinds);
  if (type === 'union' || type === 'variant' || type === 'intersect')
    return together(listOf(options).map(valibotFields));
  return undefined;
}

/** The schema of a pipe's output. That is the pipe's last schema, unless a function comes after it. */
function valibotOutput(schema: unknown): Members {
  const own = membersOf(schema);
  if (!Array.isArray(own.pipe)) return own;
  const steps = own.pipe.map(membersOf);
  const at = steps.findLastIndex(({ kind }) => kind === 'schema');
  if (steps.slice(at + 1).some(({ kind }) => kind === 'transformation')) return { pipe: 'transformed' };
  return at <= 0 ? { ...steps[0], pipe: undefined } : valibotOutput(steps[at]);
}

const valibotKindsByType: Readonly<Record<string, FieldKind>> = {
  number: 'number',
  bigint: 'number',
  string: 'text',
  boolean: 'neither',
  date: 'neither',
  array: 'neither',
  object: 'neither',
  strict_object: 'neither',
  loose_object: 'neither',
  record: 'neither',
  tuple: 'neither',
};

function valibotKinds(schema: unknown): readonly FieldKind[] {
  const output = valibotOutput(schema);
  if (output.pipe !== undefined) return ['any'];
  const type = String(output.type);
  if (/^(non_)?(optional|nullable|nullish)$|^(exact_optional|undefinedable)$/.test(type))
    return valibotKinds(output.wrapped);
  if (type === 'union') return listOf(output.options).flatMap(valibotKinds);
  if (type === 'picklist' || type === 'enum') return listOf(output.options).map(kindOfValue);
  if (type === 'literal') return [kindOfValue(output.literal)];
  return [valibotKindsByType[type] ?? 'any'];
}

/**
 * The fields of an arktype schema. Arktype lists the properties of the input; `out` lists those of a morph's output.
 * The kinds of their values are not asked.
 */
function arktypeFields(schema: unknown): SchemaFields | undefined {
  const props = memberAt(memberAt(schema, ['out']) ?? schema, ['props']);
  if (!Array.isArray(props)) return undefined;
  const names = props.map((prop) => memberAt(prop, ['key']));
  if (!names.every((name) => typeof name === 'string')) return undefined;
  return new Map(names.map((name) => [name, anyKind]));
}

function byName(entries: Members, kindsOf: (schema: unknown) => readonly FieldKind[]): SchemaFields {
  return new Map(Object.entries(entries).map(([name, schema]) => [name, new Set(kindsOf(schema))]));
}

/** The fields of any of several objects. One that cannot be listed makes all of them open. */
function together(parts: readonly (SchemaFields | undefined)[]): SchemaFields | undefined {
  const all = new Map<string, ReadonlySet<FieldKind>>();
  for (const part of parts) {
    if (part === undefined) return undefined;
    for (const [name, kinds] of part) all.set(name, new Set([...(all.get(name) ?? []), ...kinds]));
  }
  return parts.length === 0 ? undefined : all;
}

/** The kind of a value that is written in the schema. Text that is not a number can never be summed. */
function kindOfValue(value: unknown): FieldKind {
  if (typeof value === 'number' || typeof value === 'bigint') return 'number';
  return typeof value === 'string' && /\d/.test(value) ? 'text' : 'neither';
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value instanceof Set ? [...value] : [];
}

function membersOf(value: unknown): Members {
  return (typeof value === 'object' || typeof value === 'function') && value !== null ? (value as Members) : {};
}

function memberAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => membersOf(at)[name], value);
}
