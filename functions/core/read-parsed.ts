import type { Pipeline } from './pipeline.ts';
import { type AcceptedEvent, type Rejection, readEvent } from './read-event.ts';

/** {@link readEvent} for an event that something else has parsed already. */
export type ReadParsed = (parsed: unknown, arrivalMs: number) => AcceptedEvent | Rejection;

/** Makes the reader of one pipeline's parsed events; it is not re-entrant, as pipelines are synchronous. */
export function parsedReader(pipeline: Pipeline): ReadParsed {
  let held: unknown;
  const holding: Pipeline = { ...pipeline, schema: { ...pipeline.schema, validate: () => pipeline.schema.validate(held) } };
  return (parsed, arrivalMs) => {
    held = parsed;
    return readEvent(holding, '0', arrivalMs);
  };
}
