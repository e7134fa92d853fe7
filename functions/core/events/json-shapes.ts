import { matches } from './byte-pattern.ts';
import { type AsciiText, createScalarReader, noKnownTexts, scalarValue } from './json-scalars.ts';
import { type Shape, shapeOf } from './json-shape.ts';

/**
 * Reads JSON lines that look like earlier ones, straight from their bytes. Most streams repeat one or a few flat
 * objects (`{"time":1,"action":"Open"}`). Their braces, names and commas are compared instead of parsed, at a fraction
 * of the time of `JSON.parse`. A read gives exactly the value of `JSON.parse`, or nothing. Any difference from a known
 * shape (order, white space, nesting, escapes, text beyond ASCII, exponents, long numbers) is left to `JSON.parse`,
 * whose verdict may then teach a new shape.
 */
export interface JsonShapes {
  /**
   * The object that starts at `from`; undefined when it has no known shape. Never reads at or beyond `to`. {@link
   * JsonShapes.end} says where the object ended.
   */
  read(bytes: Uint8Array, from: number, to: number): Readonly<Record<string, unknown>> | undefined;
  /** The position after the last object that was read. */
  end(): number;
  /** Learns from `[from, to)`, which `JSON.parse` has accepted. */
  learn(bytes: Uint8Array, from: number, to: number): void;
}

/** Most shapes that are tried on a line. */
const mostShapes = 8;

/** Most lessons. An input that needs more does not have few shapes, and learning costs. */
const mostLessons = 200;

/** Shapes that were learned, the likeliest first. */
export interface LearnedShapes<Known> {
  readonly known: readonly Known[];
  /** Moves a shape that was met forward. */
  met(position: number): void;
  learn(bytes: Uint8Array, from: number, to: number): void;
}

/** @param use makes of a shape what its user keeps; undefined: the shape is of no use */
export function learnedShapes<Known>(
  asciiText: AsciiText,
  use: (shape: Shape) => Known | undefined,
): LearnedShapes<Known> {
  const known: Known[] = [];
  let lessons = 0;
  return {
    known,
    met(position) {
      const met = known[position];
      const before = known[position - 1];
      if (met === undefined || before === undefined) return;
      known[position] = before;
      known[position - 1] = met;
    },
    learn(bytes, from, to) {
      if (lessons >= mostLessons) return;
      lessons++;
      const shape = shapeOf(bytes, from, to, asciiText);
      const used = shape === undefined ? undefined : use(shape);
      if (used === undefined) return;
      known.unshift(used);
      if (known.length > mostShapes) known.pop();
    },
  };
}

/** A reader that knows no shape yet. */
export function createJsonShapes(asciiText: AsciiText): JsonShapes {
  const shapes = learnedShapes(asciiText, (shape) => shape);
  const scalars = createScalarReader(asciiText);
  const texts = noKnownTexts();
  let end = 0;

  function readAs(
    { fields, after }: Shape,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): Readonly<Record<string, unknown>> | undefined {
    const event: Record<string, unknown> = {};
    const view = scalars.view(bytes);
    let at = from;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (field === undefined || !matches(field.before, view, at, to)) return undefined;
      const value = scalars.scalar(view, at + field.before.bytes.length, to, texts);
      if (value === undefined) return undefined;
      event[field.name] = scalarValue(value);
      at = scalars.end();
    }
    if (!matches(after, view, at, to)) return undefined;
    end = at + after.bytes.length;
    return event;
  }

  return {
    read(bytes, from, to) {
      const { known } = shapes;
      for (let i = 0; i < known.length; i++) {
        const shape = known[i];
        const event = shape === undefined ? undefined : readAs(shape, bytes, from, to);
        if (event === undefined) continue;
        shapes.met(i);
        return event;
      }
      return undefined;
    },
    learn: shapes.learn,
    end: () => end,
  };
}
