import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAfter } from '../../functions/core/events/sequence-number.ts';
import type { Random } from '../../functions/testing/random.ts';
import type { MappingStatus } from '../../infra/local/mapping/event-source-mapping.ts';
import type { Load } from './load.ts';
import { type System, Violation } from './system.ts';

/**
 * The victims: the command itself, one of its three processes, or an execution environment (a thread of the functions'
 * process).
 */
export const victims = [
  'command',
  'runner',
  'functions',
  'emulators',
  'aggregate environment',
  'finalize environment',
] as const;
export type Victim = (typeof victims)[number];

/** Draws a victim. The most frequent are the functions and their environments, because they hold half-done batches. */
export function drawVictim(random: Random): Victim {
  return random.pick([
    'command',
    'runner',
    'functions',
    'functions',
    'emulators',
    'aggregate environment',
    'aggregate environment',
    'finalize environment',
  ]);
}

/** Time (ms) in which an environment has to notice its order. There may be no environment at the moment. */
const orderWithinMs = 500;
const lookEveryMs = 5;

/** Kills a victim. Returns false when there is none at this moment. */
export async function killVictim(system: System, folder: string, victim: Victim): Promise<boolean> {
  switch (victim) {
    case 'command':
      return system.killCommand() !== undefined;
    case 'runner':
    case 'functions':
    case 'emulators':
      return (await system.killChild(victim)) !== undefined;
    case 'aggregate environment':
    case 'finalize environment':
      return endEnvironment(join(folder, `kill-tidemark-crash-${victim.split(' ')[0]}`));
  }
}

async function endEnvironment(order: string): Promise<boolean> {
  writeFileSync(order, '');
  for (const untilMs = performance.now() + orderWithinMs; performance.now() < untilMs; await sleep(lookEveryMs))
    if (!existsSync(order)) return true;
  rmSync(order, { force: true });
  return false;
}

/** The time (ms) in which the system has to come back, also on a busy machine: far more than it takes. */
const backWithinMs = 600_000;

/**
 * Waits until a record put after this call is committed, so that every part of the system has worked since.
 * @throws Violation when it takes too long
 */
export async function comeBack(system: System, load: Load, what: string): Promise<void> {
  const untilMs = performance.now() + backWithinMs;
  const expired = sleep(backWithinMs, undefined, { ref: false }).then(() => {
    throw new Violation(
      `the system has not come back ${backWithinMs / 1000} s after the kill of ${what}: no put was acknowledged`,
    );
  });
  expired.catch(() => undefined);
  const { shardId, sequenceNumber } = await Promise.race([load.next(), expired]);
  for (;;) {
    system.check();
    const shard = (await mappingStatus(system))?.shards[shardId];
    if (shard !== undefined && (shard.state === 'finished' || !isAfter(sequenceNumber, shard.checkpoint ?? undefined)))
      return;
    if (performance.now() > untilMs)
      throw new Violation(
        `the system has not come back ${backWithinMs / 1000} s after the kill of ${what}: ${shardId} is at ${JSON.stringify(shard)}, and ${sequenceNumber} was put`,
      );
    await sleep(lookEveryMs);
  }
}

async function mappingStatus(system: System): Promise<MappingStatus | undefined> {
  const url = system.url();
  if (url === undefined) return undefined;
  try {
    return (await (await fetch(`${url}/_tidemark/mapping`)).json()) as MappingStatus;
  } catch {
    return undefined;
  }
}
