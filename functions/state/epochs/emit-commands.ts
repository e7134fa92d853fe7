import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { mergeInto, type PartialAggregate } from '../../core/fold/partial.ts';
import { type Command, commandOfEntry, noteLeft, noteOutcome } from '../commands/command.ts';
import { readStagedOf, type StagedByCommands } from '../commands/staged.ts';
import { operatorLog, readCommands } from '../log/operator.ts';
import type { Plan } from '../log/plan.ts';
import type { Publisher } from '../sinks/outbox.ts';
import { numberOf, type Table, textOf } from '../table/table.ts';
import { logCorrection } from '../windows/correction-log.ts';
import { windowText } from '../windows/pane-keys.ts';
import { readStandingPane, type StandingPane } from '../windows/pane-reader.ts';
import { partialsOf } from '../windows/pane-rows.ts';
import { writeCommandedPane } from '../windows/pane-writer.ts';
import { commandsPart, type Emission, putEmissions } from './emissions.ts';
import { wasFinal } from './final-index.ts';
import { noteWorkPlace, readWorkPlace } from './work-place.ts';

/** What a run emits commands with. */
export interface CommandEmission {
  readonly state: Table;
  readonly windows: Table;
  /** An id that no other run has. */
  readonly runId: string;
  readonly publish: Publisher['publish'];
  /** When what feeds read of this epoch may go, epoch seconds. */
  readonly feedExpiresAt: number;
  /** Whether there is time for more windows. */
  readonly hasTime: () => boolean;
}

/** The outcome of the commands of an epoch for a query. */
export interface CommandsEmitted {
  /** Final panes of windows that had none. */
  readonly finals: number;
  /** False: there was no time for all of them. */
  readonly done: boolean;
}

/** Windows that are under way at a time: a bound of memory. */
const windowsAtATime = 32;

/** Replays that follow one another are merged into one pane a window, up to so many: a bound of memory. */
const mostTogether = 16;

/** More losses of a window than any number of runs of one epoch causes. Beyond it, something is broken. */
const mostTries = 20;

/**
 * Emits what the operator's commands bring to a query, of the commands that an epoch cuts off (DESIGN 4.3): after the
 * epoch's own panes and in the order of the commands, so a window has one writer and one order. It follows from the
 * plan, the operator's log, what the commands stage, and the panes that stand.
 */
export async function emitCommands(options: CommandEmission, plan: Plan, query: Query): Promise<CommandsEmitted> {
  const { state, hasTime } = options;
  const [first, last] = plan.logs[operatorLog] ?? [0, 0];
  // The last position is the barrier.
  if (last <= first) return { finals: 0, done: true };
  const entries = (await readCommands(state, first, last)).filter(
    ({ query: name, kind }) => name === query.name && kind !== 'remove',
  );
  const commands = (await Promise.all(entries.map((entry) => commandOfEntry(state, entry)))).flatMap(
    (one) => one ?? [],
  );
  if (commands.length === 0) return { finals: 0, done: true };
  const begun = await readBegun(state, plan, query);
  let finals = 0;
  for (const [number, group] of groupsOf(commands).entries()) {
    if (number < begun.group) continue;
    const begin = number === begun.group ? begun : { ...nothingDone, group: number };
    const emitted = await emitGroup(options, plan, query, group, begin);
    finals += emitted.firsts;
    if (!emitted.done || !hasTime()) return { finals, done: false };
  }
  return { finals, done: true };
}

/** Commands that are emitted together: replays in a row, or one backfill. */
function groupsOf(commands: readonly Command[]): readonly (readonly Command[])[] {
  const groups: Command[][] = [];
  for (const command of commands) {
    const group = groups.at(-1);
    if (group?.[0]?.kind === 'replay' && command.kind === 'replay' && group.length < mostTogether) group.push(command);
    else groups.push([command]);
  }
  return groups;
}

/** How far the commands of an epoch are emitted. */
interface Begun {
  readonly group: number;
  /** The last window of the group that is done, as text; empty: none. */
  readonly through: string;
  /** Windows of the group that were written and left so far. */
  readonly written: number;
  readonly left: number;
}

const nothingDone: Begun = { group: 0, through: '', written: 0, left: 0 };

async function emitGroup(
  options: CommandEmission,
  plan: Plan,
  query: Query,
  commands: readonly Command[],
  begun: Begun,
): Promise<{ readonly firsts: number; readonly done: boolean }> {
  const { state, runId, feedExpiresAt, hasTime } = options;
  const ids = commands.map(({ id }) => id);
  let { written, left, through } = begun;
  let firsts = 0;
  let staged = 0;
  let held: StagedByCommands[] = [];
  const flush = async () => {
    const outcomes = await Promise.all(held.map((window) => emitWindow(options, plan, query, commands, window)));
    const done = held.flatMap(({ start, end }, i): readonly Emission[] => {
      if (outcomes[i] === 'left') return [];
      return [{ start, end, status: outcomes[i] === 'first' ? 'final' : 'corrected' }];
    });
    const part = commandsPart(begun.group, through);
    await putEmissions(state, query.name, plan, done, { part, attempt: runId, expiresAt: feedExpiresAt });
    written += done.length;
    left += held.length - done.length;
    firsts += outcomes.filter((outcome) => outcome === 'first').length;
    through = held.at(-1)?.text ?? through;
    held = [];
  };
  for await (const window of readStagedOf(state, ids, query, begun.through)) {
    held.push(window);
    staged += window.staged.length;
    if (held.length < windowsAtATime) continue;
    await flush();
    await noteBegun(state, plan, query, { group: begun.group, through, written, left });
    if (!hasTime()) return { firsts, done: false };
  }
  await flush();
  const wanted = commands.reduce((total, command) => total + command.windows, 0);
  if (begun.through === '' && staged !== wanted)
    throw new Error(`commands ${ids.join(', ')}: ${staged} of the ${wanted} windows that they stage are there`);
  await Promise.all(ids.map((id) => noteOutcome(state, id, { epoch: plan.epoch, written, left })));
  await noteBegun(state, plan, query, { ...nothingDone, group: begun.group + 1 });
  return { firsts, done: true };
}

/** Emits what some commands bring to one window, and says whether the window had no final pane before. */
async function emitWindow(
  options: CommandEmission,
  plan: Plan,
  query: Query,
  commands: readonly Command[],
  window: StagedByCommands,
): Promise<'first' | 'corrected' | 'left'> {
  const { state, windows, publish } = options;
  const mine = new Set(window.staged.map(({ id }) => id));
  const own = commands.filter(({ id }) => mine.has(id));
  for (let tries = 0; tries < mostTries; tries++) {
    const standing = await readStandingPane(windows, query, window);
    if (standing !== undefined && isDone(standing, plan, own)) {
      await logRecords(options, plan, query, own, window);
      const isLatest = standing.epoch === plan.epoch && standing.commands.at(-1) === own.at(-1)?.id;
      if (isLatest) await publish(standing.pane, standing.isFirst ? 'pane' : 'correction');
      return standing.isFirst ? 'first' : 'corrected';
    }
    if (await isToBeLeft(state, query, window, own, standing)) {
      const isNamed = window.staged.some(({ window: { names } }) => names.length > 0);
      if (isNamed) await Promise.all(own.map(({ id }) => noteLeft(state, id, window, plan.at)));
      return 'left';
    }
    const isFirst = standing?.pane.status !== 'final';
    const pane = await writeCommandedPane(windows, query, window, {
      epoch: plan.epoch,
      commands: own.map(({ id }) => id),
      standing,
      ...contentAfter(query, isFirst ? undefined : standing, window),
      nowMs: plan.at,
    });
    if (pane === undefined) continue; // another run of this epoch was quicker
    await logRecords(options, plan, query, own, window);
    await publish(pane, isFirst ? 'pane' : 'correction');
    return isFirst ? 'first' : 'corrected';
  }
  throw new Error(`window ${query.name} ${windowText(window)}: its pane changed ${mostTries} times`);
}

/** Whether commands of an epoch are in a window: a later epoch's pane follows those of this one. */
function isDone({ epoch, commands }: StandingPane, plan: Plan, own: readonly Command[]): boolean {
  return epoch > plan.epoch || (epoch === plan.epoch && own.every(({ id }) => commands.includes(id)));
}

/**
 * Whether commands leave a window as it is. A backfill leaves a final one. A replay leaves one that held something and
 * is not there: late records alone must not pass for the whole.
 */
async function isToBeLeft(
  state: Table,
  query: Query,
  window: StagedByCommands,
  [command]: readonly Command[],
  standing: StandingPane | undefined,
): Promise<boolean> {
  if (command?.kind === 'backfill') return standing?.pane.status === 'final';
  if (standing !== undefined) return standing.pane.status !== 'final';
  return wasFinal(state, query, window);
}

/** The pane that stands with what commands bring, in the order of the commands. */
function contentAfter(query: Query, standing: StandingPane | undefined, { staged }: StagedByCommands) {
  const partials = new Map<KeyText, PartialAggregate>(standing === undefined ? [] : partialsOf(query, standing.pane));
  let records = standing?.pane.records ?? 0;
  for (const { window } of staged) {
    mergeInto(query, partials, window.partials);
    records += window.records;
  }
  return { partials, records };
}

/** Writes the audit of what replays have put into a window. */
async function logRecords(
  { windows }: CommandEmission,
  plan: Plan,
  query: Query,
  own: readonly Command[],
  { staged, start, end }: StagedByCommands,
): Promise<void> {
  await Promise.all(
    own.map(({ id, by, kind }) => {
      const records = staged.find((one) => one.id === id)?.window.names ?? [];
      return kind === 'replay'
        ? logCorrection(windows, query, { start, end }, { id, at: plan.at, by, records })
        : undefined;
    }),
  );
}

const commandsOf = (query: Query) => ({ pk: 'emitting', sk: `${query.name}#commands` });

async function readBegun(state: Table, { epoch }: Plan, query: Query): Promise<Begun> {
  const item = await readWorkPlace(state, commandsOf(query), epoch);
  if (item === undefined) return nothingDone;
  const field = (name: string) => numberOf(item, name) ?? 0;
  return {
    group: field('group'),
    through: textOf(item, 'through') ?? '',
    written: field('written'),
    left: field('left'),
  };
}

function noteBegun(state: Table, { epoch }: Plan, query: Query, begun: Begun): Promise<void> {
  return noteWorkPlace(state, commandsOf(query), epoch, { ...begun });
}
