import { argumentError } from '../core/arguments/error.ts';
import { checkDefinition } from '../state/items/definition.ts';
import type { SidePlace } from '../state/items/side-place.ts';
import {
  type CorrectedWindow,
  type CorrectionAnswer,
  type CorrectionRequest,
  correct,
} from '../state/operations/correction.ts';
import { advancing } from './advance.ts';
import { parseOptionalTime, parsePlace, parseQuery, parseTime, type QueryFields } from './fields.ts';
import { type Fields, type OperationContext, unmeasured } from './operation.ts';

export type { CorrectedWindow, CorrectionAnswer };

/** The fields of a {@link late}. */
export interface LateFields extends QueryFields {
  /** The fate of the events. */
  readonly settled: 'replayed' | 'discarded';
  /** The range of arrivals, epoch ms. */
  readonly since: number;
  readonly until: number;
  /** The start of the windows whose events alone are meant, epoch ms. @default all windows */
  readonly window?: number;
  /** Who asks, for the audit. */
  readonly by: string;
  /** The progress of the answer before. @default begins */
  readonly after?: SidePlace;
}

/** Puts late events into the final windows that they missed, or settles them without doing so. */
export const late = {
  name: 'late',
  parse(fields: Fields): CorrectionRequest {
    const { settled, by } = fields;
    const query = parseQuery(fields);
    if (settled !== 'replayed' && settled !== 'discarded')
      throw argumentError('settled', settled, 'is not known: give "replayed" or "discarded"');
    const arrival = { fromMs: parseTime(fields, 'since'), toMs: parseTime(fields, 'until') };
    const window = parseOptionalTime(fields, 'window');
    if (typeof by !== 'string' || by === '') throw argumentError('by', by, 'names nobody: say who asks, for the audit');
    return { query, settled, arrival, window, by, after: parsePlace(fields, 'after') };
  },
  async run(context: OperationContext, request: CorrectionRequest) {
    const pipeline = await checkDefinition(context.state, context.pipeline);
    return unmeasured(await correct({ ...context, pipeline, advance: advancing(context) }, request));
  },
} as const;
