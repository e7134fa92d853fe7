import { costOf } from './model.ts';
import type { CostQuestion } from './question.ts';

/** A change of one setting, and what it saves. */
export interface Advice {
  /** The setting as a person changes it. */
  readonly change: string;
  /** Dollars a month that it saves. */
  readonly saves: number;
  /** What it costs in other ways. */
  readonly price: string;
}

/** The dearest term, its share of the bill, and the changes that would lower the bill, the largest first. */
export interface CostAdvice {
  readonly dearest: { readonly term: string; readonly dollars: number; readonly share: number };
  readonly changes: readonly Advice[];
}

/** A setting that can be changed; undefined: it cannot be lowered further. */
type Change = (
  question: CostQuestion,
) => { readonly change: string; readonly price: string; readonly asked: Partial<CostQuestion> } | undefined;

const changes: readonly Change[] = [
  ({ batchSeconds }) => {
    const next = [2, 5, 10].find((seconds) => seconds > batchSeconds);
    if (next === undefined) return undefined;
    return {
      change: `-c batchWindow='${next} seconds'`,
      price: `results come ${next - batchSeconds} s later`,
      asked: { batchSeconds: next },
    };
  },
  ({ eventBytes, eventsPerRecord }) => {
    const packed = Math.min(100, Math.floor((24 * 1024) / eventBytes));
    if (packed <= eventsPerRecord) return undefined;
    return {
      change: `pack ${packed} events in a record`,
      price: 'producers gather events first',
      asked: { eventsPerRecord: packed },
    };
  },
  ({ shards, eventsPerSecond, eventsPerRecord, eventBytes }) => {
    const least = Math.max(
      1,
      Math.ceil((2 * eventsPerSecond) / eventsPerRecord / 1_000),
      Math.ceil((2 * eventsPerSecond * eventBytes) / 2 ** 20),
    );
    if (shards !== 0 && shards <= least) return undefined;
    return {
      change: `-c shards=${least}`,
      price: 'shards are split by hand where events grow',
      asked: { shards: least },
    };
  },
  ({ retentionHours }) =>
    retentionHours <= 24
      ? undefined
      : {
          change: "-c streamRetention='24 hours'",
          price: 'a day is left to repair what stops a shard',
          asked: { retentionHours: 24 },
        },
  ({ tracing }) =>
    tracing === 'off' ? undefined : { change: '-c tracing=false', price: 'no traces', asked: { tracing: 'off' } },
  ({ memoryMb }) =>
    memoryMb <= 1024
      ? undefined
      : { change: '-c aggregateMemory=1024', price: 'a batch takes longer to fold', asked: { memoryMb: 1024 } },
  ({ monitoring }) =>
    monitoring === 'none'
      ? undefined
      : { change: '-c operations=false', price: 'no alarms, dashboard and access logs', asked: { monitoring: 'none' } },
  ({ windowSeconds }) => {
    const next = [60, 300, 3_600].find((seconds) => seconds > windowSeconds);
    if (next === undefined) return undefined;
    return {
      change: `windows of ${next === 3_600 ? '1 hour' : `${next / 60} minutes`.replace(/^1 minutes/, '1 minute')}`,
      price: 'coarser results',
      asked: { windowSeconds: next },
    };
  },
  ({ dedup }) =>
    dedup === 'none'
      ? undefined
      : { change: 'no dedup', price: 'what producers send twice counts twice', asked: { dedup: 'none' } },
  ({ aggregates }) =>
    aggregates <= 1
      ? undefined
      : {
          change: `${aggregates - 1} aggregates in place of ${aggregates}`,
          price: 'one result less',
          asked: { aggregates: aggregates - 1 },
        },
  ({ keyNames }) =>
    keyNames === 'numbered'
      ? undefined
      : {
          change: 'keys that share their letters',
          price: 'keys are numbered by their producer',
          asked: { keyNames: 'numbered' },
        },
  ({ windowMonths }) =>
    windowMonths <= 1
      ? undefined
      : {
          change: 'windows kept for a month',
          price: 'older results are deleted or exported',
          asked: { windowMonths: 1 },
        },
  ({ requestsPerMonth }) =>
    requestsPerMonth === 0
      ? undefined
      : {
          change: 'half as many requests to the API',
          price: 'readers ask less often',
          asked: { requestsPerMonth: Math.floor(requestsPerMonth / 2) },
        },
];

/** The part of the bill below which a saving is not worth a word. */
const leastShare = 0.01;

/** What dominates a bill, and what would lower it: the model is asked again with each setting changed, one at a time. */
export function adviceOn(question: CostQuestion): CostAdvice {
  const { terms, total } = costOf(question);
  const [term, dollars] = Object.entries(terms).reduce((most, one) => (one[1] > most[1] ? one : most), [
    '',
    0,
  ] as const);
  const saving = changes.flatMap((change): readonly Advice[] => {
    const changed = change(question);
    if (changed === undefined) return [];
    const saves = total - costOf({ ...question, ...changed.asked }).total;
    return saves >= leastShare * total ? [{ change: changed.change, saves, price: changed.price }] : [];
  });
  return {
    dearest: { term, dollars, share: total === 0 ? 0 : dollars / total },
    changes: saving.sort((left, right) => right.saves - left.saves),
  };
}
