import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { Pipeline, Query } from '../../../../functions/core/definition/pipeline.ts';
import { mergeInto, type PartialAggregate } from '../../../../functions/core/fold/partial.ts';
import { eventReader } from '../../../../functions/core/fold/read-event.ts';
import { mergeWindow, sortedRows } from '../../../../functions/core/fold/window-result.ts';
import { type Block, blocksWithin, decodeBlock } from '../../../../functions/core/log/block.ts';
import { epochBounds } from '../../../../functions/state/epochs/bounds.ts';
import { foldChunk, readRecords } from '../../../../functions/state/log/chunk.ts';
import { contentOf as entryContent } from '../../../../functions/state/log/content.ts';
import { pack, unpack } from '../../../../functions/state/table/packed-text.ts';
import { chunked, contentOf, draftRows, rowsOf } from '../../../../functions/state/windows/pane-rows.ts';
import { scalePipeline, scaleRecords } from './scale-pipeline.ts';

/** CPU of one row, in ms, on one vCPU. A row is one key's partial aggregate in a block, or its row in a window. */
export interface RowCosts {
  /** An event: decoded, validated and folded. */
  readonly fold: number;
  /** A row of a block: inflated, parsed, decoded. */
  readonly decode: number;
  /** A row that is merged into what is gathered. */
  readonly merge: number;
  /** A row that is written to a block: sorted, encoded, cut, deflated. */
  readonly encode: number;
  /** A row of a window that is emitted: merged from its slices, sorted, drafted, turned into DynamoDB's form. */
  readonly emit: number;
  /** A row of an emitted window that is read. */
  readonly read: number;
}

/** Costs that tests reckon with, so that their figures do not depend on the machine: about those of 2026. */
export const fixedRowCosts: RowCosts = {
  fold: 0.003,
  decode: 0.0005,
  merge: 0.0005,
  encode: 0.001,
  emit: 0.006,
  read: 0.003,
};

/** Bytes of rows in a part of a window. */
const paneBytes = 256 * 1024;

const keys = 100_000;
const rounds = 4;

/** Measures what production code takes a row, over 100,000 keys of a count: the least of four rounds, CPU time. */
export function measureRowCosts(): RowCosts {
  const pipeline = scalePipeline({ windowMs: 3_600_000, delayMs: 0 });
  const query = onlyQuery(pipeline);
  const records = scaleRecords({ from: 0, to: keys, arrivalMs: 0, timeOf: () => 0, keyOf: (n) => n });
  const reader = eventReader(pipeline);
  const before = { closedThrough: Number.NEGATIVE_INFINITY, counters: noCounters };
  const folded = () => {
    const chunks = [];
    for (let at = 0; at < records.length; at += 1_000) {
      const read = readRecords({ reader, ids: undefined }, records.slice(at, at + 1_000), 0);
      const { folds } = foldChunk(pipeline, read, before);
      chunks.push(folds);
    }
    return chunks;
  };
  const partials = new Map<string, PartialAggregate>();
  for (const folds of folded())
    for (const { slices } of folds) for (const slice of slices) mergeInto(query, partials, slice.partials);
  const part = { slice: 0, records: keys, partials: [...partials] };
  const encode = () =>
    blocksWithin(query, part, epochBounds.segmentBytes).map((block) => pack(JSON.stringify([block]), 100));
  const packed = encode();
  const decode = () =>
    packed.map((data) => (JSON.parse(unpack(data)) as readonly Block[]).flatMap((block) => decodeBlock(query, block)));
  const decoded = decode().flat();
  // Half of what is merged finds its key there, half does not.
  const merge = () => {
    const into = new Map<string, PartialAggregate>();
    for (const turn of [0, 1]) for (const { partials: some } of decoded) if (turn >= 0) mergeInto(query, into, some);
    return into;
  };
  const emit = () => {
    const merged = mergeWindow(query, [{ partials }]);
    const drafts = draftRows(query, merged, sortedRows(query, merged));
    return chunked(drafts, paneBytes).map((chunk) => marshall(contentOf(query, chunk)));
  };
  const emitted = emit();
  const read = () =>
    emitted.map((stored) =>
      rowsOf(query, { pk: 'pk', sk: 'sk', attributes: unmarshall(stored, { wrapNumbers: Number }) }),
    );
  return {
    fold: cpuOf(() => folded().map((folds) => entryContent({ folds, ids: undefined }, 400))) / keys,
    decode: cpuOf(decode) / keys,
    merge: cpuOf(merge) / (2 * keys),
    encode: cpuOf(encode) / keys,
    emit: cpuOf(emit) / keys,
    read: cpuOf(read) / keys,
  };
}

const noCounters = { received: 0, counted: 0, late: 0, duplicate: 0, rejected: 0, filtered: 0 };

function onlyQuery({ queries: [query] }: Pipeline): Query {
  if (query === undefined) throw new Error('a pipeline without a query');
  return query;
}

/** CPU time of the process for something, in ms. */
function cpuOf(work: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    const began = performance.now();
    work();
    const { user, system } = process.cpuUsage(before);
    // Other threads of the process collect garbage meanwhile: never more than what has passed.
    least = Math.min(least, (user + system) / 1_000, performance.now() - began);
  }
  return least;
}
