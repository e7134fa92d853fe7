import { type BytePattern, matches } from './byte-pattern.ts';
import { type AsciiText, createScalarReader, type FoundScalar, type KnownTexts, noKnownTexts } from './json-scalars.ts';
import type { Shape } from './json-shape.ts';
import { learnedShapes } from './json-shapes.ts';
import type { ProvenField, ProvenFields } from './proven-fields.ts';

/**
 * Reads some fields of events straight from the bytes of their lines, and makes no object of an event. It reads only
 * events that the schema is proven to accept as they are (`ProvenFields`), of shapes that were there before (as
 * `JsonShapes`). All others are left to `JSON.parse` and the schema.
 */
export interface FieldScan {
  /**
   * Reads the event that starts at `from`, and nothing at or beyond `to`.
   * @returns the position after it, or -1 when it is not one that is read here
   */
  read(bytes: Uint8Array, from: number, to: number): number;
  /**
   * The wanted fields of the event that was read last, in the order in which they were asked for; undefined for a field
   * that it lacks. They hold until the next read.
   */
  readonly found: readonly (FoundScalar | undefined)[];
  /** Learns from `[from, to)`, which `JSON.parse` and the schema have accepted. */
  learn(bytes: Uint8Array, from: number, to: number): void;
}

/** A field of a shape, as it is read. */
interface ScannedField {
  readonly before: BytePattern;
  /** Undefined: not a field of the schema, which leaves it out. */
  readonly proven: ProvenField | undefined;
  readonly texts: KnownTexts;
  /** Position among the wanted fields; -1: nobody wants it. */
  readonly place: number;
  /** Whether a text is right, whatever it says, and nobody wants it. */
  readonly passesText: boolean;
}

interface ScannedShape {
  readonly fields: readonly ScannedField[];
  readonly after: BytePattern;
  /** Places of the wanted fields that it lacks. */
  readonly absent: readonly number[];
}

/** A scan that knows no shape yet. */
export function createFieldScan(proven: ProvenFields, wanted: readonly string[], asciiText: AsciiText): FieldScan {
  const scalars = createScalarReader(asciiText);
  const shapes = learnedShapes(asciiText, (shape) => scannedShape(shape, proven, wanted, textsOf));
  const found: (FoundScalar | undefined)[] = wanted.map(() => undefined);
  const texts = new Map<string, KnownTexts>();

  /** Texts that were read in a field stay known for it in all shapes. */
  function textsOf(name: string): KnownTexts {
    const known = texts.get(name) ?? noKnownTexts();
    texts.set(name, known);
    return known;
  }

  function readAs({ fields, absent, after }: ScannedShape, bytes: Uint8Array, from: number, to: number): number {
    const view = scalars.view(bytes);
    let at = from;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (field === undefined || !matches(field.before, view, at, to)) return -1;
      at += field.before.bytes.length;
      if (!field.passesText || !scalars.passText(view, at, to)) {
        const scalar = scalars.scalar(view, at, to, field.texts);
        if (scalar === undefined || (field.proven !== undefined && !isAccepted(field.proven, scalar))) return -1;
        if (field.place >= 0) found[field.place] = scalar;
      }
      at = scalars.end();
    }
    for (let i = 0; i < absent.length; i++) found[absent[i] ?? -1] = undefined;
    return matches(after, view, at, to) ? at + after.bytes.length : -1;
  }

  return {
    found,
    learn: shapes.learn,
    read(bytes, from, to) {
      const { known } = shapes;
      for (let i = 0; i < known.length; i++) {
        const shape = known[i];
        const end = shape === undefined ? -1 : readAs(shape, bytes, from, to);
        if (end < 0) continue;
        if (i > 0) shapes.met(i);
        return end;
      }
      return -1;
    },
  };
}

function isAccepted(field: ProvenField, scalar: FoundScalar): boolean {
  if (typeof scalar === 'number') return field.anyNumber || field.accepts(scalar);
  if (typeof scalar !== 'object' || scalar === null) return field.accepts(scalar);
  scalar.isAccepted ??= field.anyText || field.accepts(scalar.text);
  return scalar.isAccepted;
}

/** Undefined when the schema may not accept the shape, or may give something in the place of a field that it lacks. */
function scannedShape(
  { fields, after }: Shape,
  proven: ProvenFields,
  wanted: readonly string[],
  textsOf: (name: string) => KnownTexts,
): ScannedShape | undefined {
  const names = fields.map(({ name }) => name);
  for (const [name, { mayMiss }] of proven.fields) if (!mayMiss && !names.includes(name)) return undefined;
  if (!proven.takesOthers && names.some((name) => !proven.fields.has(name))) return undefined;
  return {
    fields: fields.map(({ before, name }) => {
      const field = proven.fields.get(name);
      const place = wanted.indexOf(name);
      const passesText = place < 0 && (field === undefined || field.anyText);
      return { before, proven: field, texts: textsOf(name), place, passesText };
    }),
    after,
    absent: wanted.flatMap((name, place) => (names.includes(name) ? [] : [place])),
  };
}
