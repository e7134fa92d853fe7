import { reading } from '../arguments/field-given-by.ts';
import {
  type AggregateInput,
  type AggregateOf,
  type AnyAggregate,
  corrupt,
  type Json,
  listIn,
  none,
  numberIn,
  opaque,
} from './aggregate.ts';
import { type Field, type NumberOf, numberInput, selector } from './number-input.ts';
import { byText, isScalar, type Scalar, type ScalarOf, scalarInput, utf8Bytes } from './scalar.ts';

/**
 * Longest value that is kept, in bytes of its JSON: an entry of a log has some 300 KB for a batch. A longer one is
 * shown as its length.
 */
const longestValueBytes = 1024;

/** A value, or the length of one that was too long to keep. */
type Kept = Scalar | { readonly bytes: number; readonly overflow: true };

/** The event that stands for all so far: its rank, its time and the value that the aggregate takes from it. */
interface Candidate {
  readonly rank: number;
  readonly time: number;
  readonly value: Kept;
}

/**
 * Negative when the left one stands before the right one. It is total over different candidates, so the order of
 * merging does not matter.
 */
type Precedence = (left: Candidate, right: Candidate) => number;

const earliest: Precedence = (left, right) =>
  left.time - right.time || byText(JSON.stringify(left.value), JSON.stringify(right.value));
const latest: Precedence = (left, right) => earliest(right, left);
const least: Precedence = (left, right) => left.rank - right.rank || earliest(left, right);
const greatest: Precedence = (left, right) => right.rank - left.rank || earliest(left, right);

function kept(value: Scalar): Kept {
  // No JSON text is shorter than its value, and none takes more than six bytes for a unit.
  if (typeof value !== 'string' || value.length * 6 < longestValueBytes) return value;
  const bytes = utf8Bytes(JSON.stringify(value));
  return bytes > longestValueBytes ? { bytes, overflow: true } : value;
}

function states(precedes: Precedence) {
  const before = (left: Candidate, right: Candidate) => (precedes(left, right) <= 0 ? left : right);
  const merge = (left: Candidate | null, right: Candidate | null) =>
    left === null ? right : right === null ? left : before(left, right);
  return {
    identity: null as Candidate | null,
    mostBytes: longestValueBytes + 64,
    add: (state: Candidate | null, value: Candidate) => merge(state, value),
    merge,
    encode: (state: Candidate | null): Json => (state === null ? null : [state.rank, state.time, state.value]),
    decode: (json: Json): Candidate | null => {
      if (json === null) return null;
      const [rank, time, value, ...more] = listIn(json);
      if (more.length > 0) throw corrupt(json);
      return { rank: numberIn(rank), time: numberIn(time), value: keptIn(value) };
    },
    result: (state: Candidate | null): Kept | null => state?.value ?? null,
  };
}

function keptIn(json: Json | undefined): Kept {
  if (isScalar(json)) return json;
  const bytes = typeof json === 'object' && json !== null && 'bytes' in json ? numberIn(json.bytes) : undefined;
  if (bytes === undefined) throw corrupt(json);
  return { bytes, overflow: true };
}

/** `first` and `last`, as they are called. */
export interface ValueAggregate {
  <const Name extends string>(field: Name): AnyAggregate<Field<Name, Scalar>, Kept | null>;
  <Event>(select: ScalarOf<Event>): AggregateOf<Event, Kept | null>;
}

function atTime(kind: string, precedes: Precedence): ValueAggregate {
  return <Event>(of: string | ScalarOf<Event>) => {
    const { select, named, reads } = selector(kind, of);
    return opaque<Event, Candidate, Candidate | null, Kept | null>({
      ...states(precedes),
      ...named,
      kind,
      input: reading((event: Event, time: number) => candidate(scalarInput(kind, select(event)), time, 0), [reads]),
    });
  };
}

function candidate(input: AggregateInput<Scalar>, time: number, rank: number): AggregateInput<Candidate> {
  return input.kind === 'value' ? { kind: 'value', value: { rank, time, value: kept(input.value) } } : input;
}

/**
 * The value of the event with the least event time; of several the one whose JSON comes first. Null when no record had
 * a value. A value of more than 1,024 bytes is shown as `{"bytes":N,"overflow":true}`.
 * @example
 * first('status');
 */
export const first: ValueAggregate = atTime('first', earliest);

/**
 * The value of the event with the greatest event time; of several the one whose JSON comes last. Otherwise as {@link
 * first}.
 * @example
 * last('status');
 */
export const last: ValueAggregate = atTime('last', latest);

/**
 * `argMin` and `argMax`, as they are called: both arguments by the names of fields, or both by functions of the event.
 */
export interface ArgAggregate {
  <const Name extends string, const By extends string>(
    field: Name,
    by: By,
  ): AnyAggregate<Field<Name, Scalar> & Field<By, number>, Kept | null>;
  <Event>(select: ScalarOf<Event>, by: NumberOf<Event>): AggregateOf<Event, Kept | null>;
}

function atRank(kind: string, precedes: Precedence): ArgAggregate {
  return <Event>(of: string | ScalarOf<Event>, by: string | NumberOf<Event>) => {
    const value = selector(kind, of);
    const rank = selector(`${kind} by`, by);
    return opaque<Event, Candidate, Candidate | null, Kept | null>({
      ...states(precedes),
      ...value.named,
      ...(rank.named.field === undefined ? {} : { parameters: `by ${rank.named.field}` }),
      kind,
      input: reading(
        (event: Event, time: number): AggregateInput<Candidate> => {
          const ranked = numberInput(`${kind} by`, rank.select(event));
          if (ranked.kind !== 'value') return ranked;
          const found = scalarInput(kind, value.select(event));
          return found.kind === 'none' ? none : candidate(found, time, ranked.value === 0 ? 0 : ranked.value);
        },
        [value.reads, rank.reads],
      ),
    });
  };
}

/**
 * The value of the event with the least number `by`. Of several it is that of the earliest event time, then the one
 * whose JSON comes first. Events without the value or the number are left out. Null when none is left. Long values are
 * shown as in {@link first}.
 * @example
 * argMin('sensor', 'temperature'); // the sensor that was coldest
 */
export const argMin: ArgAggregate = atRank('argMin', least);

/**
 * The value of the event with the greatest number `by`. Otherwise as {@link argMin}.
 * @example
 * argMax('player', 'points'); // the player with the most points
 */
export const argMax: ArgAggregate = atRank('argMax', greatest);
