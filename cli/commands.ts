import { localCommands } from '#local-commands';
import type { Command } from './program/command.ts';

/** A line of the table of commands: enough for `tidemark --help`; the rest is loaded when the command is used. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly default: Command }>;
}

/** All commands, in the order of `--help`. A new command is one file in `commands/` and one line here. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'demo',
    summary: 'the lesson: files, then the same query as a stream, with faults',
    load: localCommands.demo,
  },
  {
    name: 'init',
    summary: 'write a project of your own: a pipeline, its test, a CDK app',
    load: () => import('./commands/start/init.ts'),
  },
  { name: 'sample', summary: 'write the sample dataset', load: () => import('./commands/start/sample.ts') },
  {
    name: 'batch',
    summary: 'run the queries over files, on all cores',
    load: () => import('./commands/start/batch.ts'),
  },
  {
    name: 'stream',
    summary: 'run the queries over files as a stream, the whole system embedded',
    load: localCommands.stream,
  },
  { name: 'delay', summary: 'show what a watermark delay costs', load: () => import('./commands/start/delay.ts') },
  {
    name: 'lock',
    summary: 'note what a pipeline counts, so that no change of it goes unseen',
    load: () => import('./commands/operate/lock.ts'),
  },
  { name: 'cost', summary: 'print the monthly bill, by service', load: () => import('./commands/operate/cost.ts') },
  { name: 'up', summary: 'start the embedded AWS with a pipeline on it', load: localCommands.up },
  {
    name: 'page',
    summary: 'serve the live page of a query API on this machine',
    load: () => import('./commands/look/page.ts'),
  },
  { name: 'replay', summary: 'put the events of files into a stream', load: () => import('./commands/feed/replay.ts') },
  {
    name: 'put',
    summary: 'put the events of standard input, or of TCP clients, into a stream',
    load: () => import('./commands/feed/put.ts'),
  },
  {
    name: 'rate',
    summary: 'make up events at a rate, for load tests and demos',
    load: () => import('./commands/feed/rate.ts'),
  },
  { name: 'windows', summary: 'print windows, final and open', load: () => import('./commands/look/windows.ts') },
  { name: 'totals', summary: 'add up windows by group-by fields', load: () => import('./commands/look/totals.ts') },
  { name: 'top', summary: 'print the greatest rows of a window', load: () => import('./commands/look/top.ts') },
  { name: 'series', summary: 'print one key over time', load: () => import('./commands/look/series.ts') },
  { name: 'sql', summary: 'ask the windows in SQL', load: () => import('./commands/look/sql.ts') },
  {
    name: 'export',
    summary: 'write windows to a CSV, NDJSON or Parquet file',
    load: () => import('./commands/look/export.ts'),
  },
  {
    name: 'status',
    summary: 'print the watermark, the shards and the counters',
    load: () => import('./commands/look/status.ts'),
  },
  {
    name: 'backfill',
    summary: "fill a query's history, from files or from the stream",
    load: () => import('./commands/operate/backfill.ts'),
  },
  {
    name: 'late',
    summary: 'list late events, and put them into the windows they missed',
    load: () => import('./commands/operate/late.ts'),
  },
  {
    name: 'lookup',
    summary: 'publish the rows that events are joined with',
    load: () => import('./commands/feed/lookup.ts'),
  },
  {
    name: 'sinks',
    summary: 'show how the sinks stand, and deliver anew what they gave up',
    load: () => import('./commands/operate/sinks.ts'),
  },
  {
    name: 'alias',
    summary: 'switch the name of a query to one of its versions',
    load: () => import('./commands/operate/alias.ts'),
  },
  {
    name: 'remove',
    summary: 'delete all that is kept of a query that is gone',
    load: () => import('./commands/operate/remove.ts'),
  },
  {
    name: 'drain',
    summary: 'end a finite stream: every window becomes final',
    load: () => import('./commands/operate/drain.ts'),
  },
];
