import { localCommands } from '#local-commands';
import type { Command } from './program/command.ts';

/** The groups of commands, in the order of `--help`, each with its heading. */
export const commandGroups = {
  start: 'Start: run a pipeline on this machine',
  feed: 'Feed: put events into a stream',
  look: 'Look: read results',
  operate: 'Operate: keep it right',
} as const;
export type CommandGroup = keyof typeof commandGroups;

/** A line of the table of commands: enough for `tidemark --help`; the rest is loaded when the command is used. */
export interface CommandEntry {
  readonly name: string;
  readonly group: CommandGroup;
  readonly summary: string;
  readonly load: () => Promise<{ readonly default: Command }>;
}

/** All commands, in the order of `--help`. A new command is one file in `commands/GROUP/` and one line here. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'demo',
    group: 'start',
    summary: 'the lesson: files, then the same query as a stream, with faults',
    load: localCommands.demo,
  },
  {
    name: 'init',
    group: 'start',
    summary: 'write a project of your own: a pipeline, its test, a CDK app',
    load: () => import('./commands/start/init.ts'),
  },
  {
    name: 'sample',
    group: 'start',
    summary: 'write the sample dataset',
    load: () => import('./commands/start/sample.ts'),
  },
  {
    name: 'batch',
    group: 'start',
    summary: 'run the queries over files, on all cores',
    load: () => import('./commands/start/batch.ts'),
  },
  {
    name: 'stream',
    group: 'start',
    summary: 'run the queries over files as a stream, by the whole system',
    load: localCommands.stream,
  },
  {
    name: 'delay',
    group: 'start',
    summary: 'show what a watermark delay costs',
    load: () => import('./commands/start/delay.ts'),
  },
  {
    name: 'up',
    group: 'start',
    summary: 'start the embedded AWS with a pipeline on it',
    load: localCommands.up,
  },
  {
    name: 'put',
    group: 'feed',
    summary: 'put events of standard input or of TCP clients into a stream',
    load: () => import('./commands/feed/put.ts'),
  },
  {
    name: 'replay',
    group: 'feed',
    summary: 'put the events of files into a stream',
    load: () => import('./commands/feed/replay.ts'),
  },
  {
    name: 'rate',
    group: 'feed',
    summary: 'make up events at a rate, for load tests and demos',
    load: () => import('./commands/feed/rate.ts'),
  },
  {
    name: 'lookup',
    group: 'feed',
    summary: 'publish the rows that events are joined with',
    load: () => import('./commands/feed/lookup.ts'),
  },
  {
    name: 'windows',
    group: 'look',
    summary: 'print windows, final and open',
    load: () => import('./commands/look/windows.ts'),
  },
  {
    name: 'totals',
    group: 'look',
    summary: 'add up windows by group-by fields',
    load: () => import('./commands/look/totals.ts'),
  },
  {
    name: 'top',
    group: 'look',
    summary: 'print the greatest rows of a window',
    load: () => import('./commands/look/top.ts'),
  },
  {
    name: 'series',
    group: 'look',
    summary: 'print one key over time',
    load: () => import('./commands/look/series.ts'),
  },
  { name: 'sql', group: 'look', summary: 'ask the windows in SQL', load: () => import('./commands/look/sql.ts') },
  {
    name: 'export',
    group: 'look',
    summary: 'write windows to a CSV, NDJSON or Parquet file',
    load: () => import('./commands/look/export.ts'),
  },
  {
    name: 'status',
    group: 'look',
    summary: 'print the watermark, the shards and the counters',
    load: () => import('./commands/look/status.ts'),
  },
  {
    name: 'page',
    group: 'look',
    summary: 'serve the live page of a query API on this machine',
    load: () => import('./commands/look/page.ts'),
  },
  {
    name: 'late',
    group: 'operate',
    summary: 'list late events, and put them into the windows they missed',
    load: () => import('./commands/operate/late.ts'),
  },
  {
    name: 'backfill',
    group: 'operate',
    summary: "fill a query's history, from files or from the stream",
    load: () => import('./commands/operate/backfill.ts'),
  },
  {
    name: 'alias',
    group: 'operate',
    summary: 'switch the name of a query to one of its versions',
    load: () => import('./commands/operate/alias.ts'),
  },
  {
    name: 'remove',
    group: 'operate',
    summary: 'delete all that is kept of a query that is gone',
    load: () => import('./commands/operate/remove.ts'),
  },
  {
    name: 'drain',
    group: 'operate',
    summary: 'end a finite stream: every window becomes final',
    load: () => import('./commands/operate/drain.ts'),
  },
  {
    name: 'sinks',
    group: 'operate',
    summary: 'show how the sinks stand, and deliver anew what they gave up',
    load: () => import('./commands/operate/sinks.ts'),
  },
  {
    name: 'lock',
    group: 'operate',
    summary: 'note what a pipeline counts: no change of it goes unseen',
    load: () => import('./commands/operate/lock.ts'),
  },
  {
    name: 'cost',
    group: 'operate',
    summary: 'print the monthly bill, by service',
    load: () => import('./commands/operate/cost.ts'),
  },
];
