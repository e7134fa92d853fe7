import { flowOf } from './flow.ts';
import { type Bill, type CostBill, costOf, hours, kinesisTerms, lambdaDollars, monthSeconds, sumOf } from './model.ts';
import { prices } from './prices.ts';
import type { CostQuestion } from './question.ts';

/** The ways to count the same events that stand beside Tidemark, each with the same stream. */
export interface Rivals {
  readonly writePerEvent: Bill;
  readonly managedFlink: Bill;
}

/** Seconds that a Lambda spends on an event which it writes by itself: 500 µs, many calls under way at a time. */
const secondsOfWrite = 0.000_5;
const secondsOfCall = 0.03;

/** What others take for the same events. */
export function rivalsOf(question: CostQuestion): Rivals {
  const flow = flowOf(question);
  const { batches, eventsPerBatch } = flow;
  const kinesis = sumOf(kinesisTerms(question, flow));
  const writes = question.eventsPerSecond * question.queries * monthSeconds;
  const seconds = secondsOfCall + eventsPerBatch * question.queries * secondsOfWrite;
  return {
    writePerEvent: {
      Kinesis: kinesis,
      Lambda: lambdaDollars(batches, seconds, question.memoryMb),
      DynamoDB: (writes / 1_000_000) * prices.dynamodb.millionWrites,
    },
    managedFlink: { Kinesis: kinesis, 'Managed Flink': flinkDollars(question) },
  };
}

/**
 * Processing units of Managed Flink: one for 20,000 events a second, one that orchestrates, and for state beyond 50 GB
 * a unit more. AWS states no throughput of a unit and asks to measure it. 20,000 simple events a second of 1 KB on one
 * vCPU favours Flink: docs/cost.md has the sources.
 */
export function flinkUnits({ eventsPerSecond, eventBytes, queries }: CostQuestion): number {
  const eventsOfUnit = prices.flink.eventsOfUnit / Math.max(1, eventBytes / 1024);
  return Math.max(1, Math.ceil((eventsPerSecond * (1 + 0.25 * (queries - 1))) / eventsOfUnit));
}

function flinkDollars(question: CostQuestion): number {
  const { flink } = prices;
  const units = flinkUnits(question);
  return (units + 1) * hours * flink.unitHour + units * flink.storageGbOfUnit * flink.storageGbMonth;
}

/** The way with the least bill. */
export type Cheapest = 'tidemark' | 'writePerEvent' | 'managedFlink';

/** Which of the three is the cheapest. */
export function cheapestOf(bill: CostBill, { writePerEvent, managedFlink }: Rivals): Cheapest {
  const all = { tidemark: bill.total, writePerEvent: sumOf(writePerEvent), managedFlink: sumOf(managedFlink) } as const;
  return (Object.keys(all) as Cheapest[]).reduce((least, name) => (all[name] < all[least] ? name : least), 'tidemark');
}

/** A rate at which another way becomes the cheapest. */
export interface Turn {
  readonly eventsPerSecond: number;
  readonly cheapest: Cheapest;
}

const mostEvents = 1_000_000;

/**
 * Where one way takes over from another, from 1 event a second to a million: shards grow with the events, each at half
 * of its limit, and all else stays.
 */
export function turnsOf(question: CostQuestion): readonly Turn[] {
  const cheapestAt = (eventsPerSecond: number): Cheapest => {
    const asked = {
      ...question,
      eventsPerSecond,
      shards: question.shards === 0 ? 0 : Math.max(1, Math.ceil(eventsPerSecond / question.eventsPerRecord / 500)),
    };
    return cheapestOf(costOf(asked), rivalsOf(asked));
  };
  const turns: Turn[] = [];
  let cheapest: Cheapest | undefined;
  // 20 steps a decade: prices with units and shards go in steps, and a search by halves would lose its way.
  for (let step = 0; step <= 120; step++) {
    const eventsPerSecond = twoDigits(Math.min(10 ** (step / 20), mostEvents));
    const found = cheapestAt(eventsPerSecond);
    if (found === cheapest) continue;
    cheapest = found;
    turns.push({ eventsPerSecond, cheapest });
  }
  return turns;
}

const twoDigits = (value: number) => Number(value.toPrecision(2));
