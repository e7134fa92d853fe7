import type { Pipeline, Query, QueryReads } from '../definition/pipeline.ts';
import { type EventTimeValue, eventTimeOf } from '../events/event-time.ts';
import { createFieldScan, type FieldScan } from '../events/field-scan.ts';
import { type AsciiText, type FoundScalar, type JsonScalar, scalarValue } from '../events/json-scalars.ts';
import { type MetKey, newKey } from '../fold/fold.ts';
import { type EventInputs, inputsOf } from '../fold/partial.ts';

/**
 * Events of a pipeline that are read from the bytes of their lines (`FieldScan`), with the time, the keys and the
 * inputs that `eventReader` would give them.
 */
export interface ScannedEvents extends Pick<FieldScan, 'read' | 'learn'> {
  /**
   * Finds time, keys and inputs of the event that was read last. They hold until the next call.
   * @returns false when it may have to be rejected: `eventReader` tells, and why
   */
  judge(arrivalMs: number): boolean;
  /** Epoch ms. */
  time(): number;
  /** By position of the query; undefined where the query does not want the event. */
  readonly keys: readonly (MetKey | undefined)[];
  /** By position of the query, for the same queries as the keys. */
  readonly inputs: readonly (EventInputs | undefined)[];
}

/**
 * The reader of a pipeline's events from bytes. Undefined for a pipeline that needs its events as objects: its schema
 * is not proven, it joins or deduplicates, or it has functions of which it is not known what they read.
 */
export function scannedEvents(pipeline: Pipeline, asciiText: AsciiText): ScannedEvents | undefined {
  const { proven, timeField, queries, eventTimeUnit, maxFutureSkewMs } = pipeline;
  if (proven === undefined || timeField === undefined) return undefined;
  if (pipeline.enrich !== undefined || pipeline.dedup !== undefined || pipeline.unlisted.length > 0) return undefined;
  const reads = queries.flatMap(({ reads }) => reads ?? []);
  if (reads.length < queries.length) return undefined;
  const wanted = [...new Set([timeField, ...reads.flatMap(({ key, inputs }) => [...key, ...inputs])])];
  if (!wanted.every((name) => proven.fields.has(name))) return undefined;

  const scan = createFieldScan(proven, wanted, asciiText);
  const { found } = scan;
  const timePlace = wanted.indexOf(timeField);
  const event: Record<string, unknown> = Object.fromEntries(wanted.map((name) => [name, undefined]));
  const keys: (MetKey | undefined)[] = queries.map(() => undefined);
  const inputs: (EventInputs | undefined)[] = queries.map(() => undefined);
  const plans = queries.map((query, i) => ({ query, ...planOf(reads[i], wanted) }));
  let time = 0;
  let isFilled = false;

  /** The wanted fields as an object. It is the same one for all events: nobody keeps it. */
  function filled(): Readonly<Record<string, unknown>> {
    if (!isFilled) for (let i = 0; i < wanted.length; i++) event[wanted[i] ?? ''] = foundValue(found[i]);
    isFilled = true;
    return event;
  }

  /** The key that the user's fields give; the same object where the same text gives it. */
  function keyOf(query: Query, textPlace: number): MetKey | undefined {
    const text = textPlace < 0 ? undefined : found[textPlace];
    const known = typeof text === 'object' && text !== null ? text.uses[query.index] : undefined;
    if (known !== undefined) return known as MetKey;
    const key = query.keyOf(filled());
    if (typeof key !== 'string') return undefined;
    const met = newKey(key);
    if (typeof text === 'object' && text !== null) text.uses[query.index] = met;
    return met;
  }

  return {
    keys,
    inputs,
    read: scan.read,
    learn: scan.learn,
    time: () => time,
    judge(arrivalMs) {
      isFilled = false;
      const judged = eventTimeOf(foundValue(found[timePlace]) as EventTimeValue, eventTimeUnit);
      if (typeof judged !== 'number' || judged > arrivalMs + maxFutureSkewMs) return false;
      time = judged;
      for (let i = 0; i < plans.length; i++) {
        const plan = plans[i];
        if (plan === undefined) continue;
        const { query, textPlace, isConstant } = plan;
        if (time < query.from || time >= query.until) {
          keys[i] = undefined;
          continue;
        }
        const key = keyOf(query, textPlace);
        if (key === undefined) return false;
        keys[i] = key;
        const before = inputs[i];
        if (isConstant && before !== undefined) continue;
        const given = inputsOf(query, filled(), time, before);
        if ('refused' in given) return false;
        inputs[i] = given;
      }
      return true;
    },
  };
}

/** Where a query's key and inputs come from. */
interface QueryPlan {
  /** The place of the field that is the key, where it is one; else -1. */
  readonly textPlace: number;
  /** Whether all events give the same inputs. */
  readonly isConstant: boolean;
}

function planOf({ key, inputs }: QueryReads = { key: [], inputs: [] }, wanted: readonly string[]): QueryPlan {
  const [only] = key;
  return {
    textPlace: only === undefined || key.length > 1 ? -1 : wanted.indexOf(only),
    isConstant: inputs.length === 0,
  };
}

/** The value of a field, if the event has it. */
function foundValue(found: FoundScalar | undefined): JsonScalar | undefined {
  return found === undefined ? undefined : scalarValue(found);
}
