import { allFinals, assignments, isByOffset, keptPlaces, localWindows, offsetIn, type Played } from './assignments.ts';
import { isObject, type Json, type JsonObject, listOf, objectsOf } from './json.ts';
import type { StepTrace, Trace } from './play.ts';
import { type StepQuestion, stepQuestions, windowShape } from './shape.ts';
import { requireNothing } from './unsupported.ts';
import type { Vector } from './vector.ts';
import { nativeWatermark } from './watermark-model.ts';
import { changedRows, membersIn, paneRows, rowsOf, timingOf, type WindowRow, windowAnswer } from './window-answer.ts';

/** The answer to one field of `expect`. It reads names and `afterStep` from the question, never the expected values. */
type Answer = (question: Json | undefined, played: Played) => Json;

const answers: Readonly<Record<string, Answer>> = {
  emissions: (question, { vector, trace }) =>
    vector.window === null
      ? rowsByStep(question, vector, trace)
      : windowsByStep('emissions', question, { vector, trace }, (step) =>
          vector.latenessMs > 0 && vector.window?.['type'] !== 'session'
            ? (trace.steps[step]?.panes ?? []).flatMap((pane) => paneRows(vector, pane))
            : vector.emits === 'finals'
              ? rowsOf(vector, trace.steps[step]?.finals ?? [])
              : changesIn(vector, trace, step),
        ),
  updates: (question, { vector, trace }) =>
    windowsByStep('updates', question, { vector, trace }, (step) => changesIn(vector, trace, step)),
  table: (question, { vector, trace }) =>
    windowsByStep('table', question, { vector, trace }, (step) => rowsOf(vector, trace.steps[step]?.table ?? [])),
  finals: (question, played) => windowList('finals', question, played, allFinals(played)),
  lastValuePerWindow: (question, played) =>
    windowList('lastValuePerWindow', question, played, rowsOf(played.vector, played.trace.steps.at(-1)?.table ?? [])),
  windows: (question, played) => windowList('windows', question, played, allFinals(played)),
  windowsDerived: (question, played) => windowList('windowsDerived', question, played, allFinals(played)),
  countsInStartOrder: (_, { vector, trace }) => allFinals({ vector, trace }).map((row) => membersIn(row).length),
  members: (question, { vector, trace }) =>
    allFinals({ vector, trace }).map((row) => ({
      ...(isByOffset(question, vector) ? { offset: offsetIn(trace, row) ?? null } : {}),
      window: [row.window.start, row.window.end],
      times: membersIn(row)
        .map(([place]) => Number(trace.events[place]?.fields['time']))
        .sort((left, right) => left - right),
    })),
  assignments,
  localWindows: (_, played) => localWindows(played),
  // The smallest of those that begin together, as Flink's CUMULATE has them.
  firstLocalWindow: (_, played) => localWindows(played, (rows) => rows.slice(0, 1)),
  keptValues: (_, { vector, trace }) =>
    keptPlaces(allFinals({ vector, trace })).map((place) => trace.events[place]?.fields['value'] ?? null),
  late: (question, { trace }) =>
    byStep('late', question, ['events'], trace, (step) => ({
      events: step.setAside.flatMap(({ reason, event }) => (reason === 'late' ? [event.fields] : [])),
    })),
  dropped,
  watermarks,
  idle: (question, { trace }) => byStep('idle', question, ['value'], trace, (step) => ({ value: step.idle })),
  status: (question, { trace }) =>
    byStep('status', question, ['emitted'], trace, (step, before) => {
      const wasIdle = before?.idle ?? false;
      return { emitted: step.idle === wasIdle ? null : step.idle ? 'IDLE' : 'ACTIVE' };
    }),
  // The rows that are not final. Spark's metric counts these where it has no state beside windows. Everything else in
  // `state` is internal to the peer.
  state: (question, { vector, trace }) =>
    objectsOf(question).map(({ afterStep = null }) => {
      const open = trace.steps[Number(afterStep)]?.table.filter(({ status }) => status !== 'final') ?? [];
      return { afterStep, rows: rowsOf(vector, open).length };
    }),
};

/** The fields that can be asked for where there are no windows. */
const withoutWindows = ['watermarks', 'idle', 'status'];

/** Further fields that can be asked for where rows are only deduplicated. */
const ofDeduplicated = ['emissions', 'dropped', 'state'];

/** The fields of `expect` that have no answer. */
function unanswerable({ expect, window, dedup }: Vector): readonly string[] {
  return Object.keys(expect).flatMap((field) => {
    if (answers[field] === undefined) return [`expect.${field}`];
    const isAnswered =
      window !== null || withoutWindows.includes(field) || (dedup !== undefined && ofDeduplicated.includes(field));
    return !isAnswered ? [`expect.${field} without a window`] : [];
  });
}

/**
 * The answers to all questions of a vector, in the form of its `expect`.
 * @throws Unsupported, if possible before anything runs
 */
export async function answersOf(vector: Vector, play: () => Promise<Trace>): Promise<JsonObject> {
  requireNothing(unanswerable(vector));
  const trace = await play();
  return Object.fromEntries(
    Object.entries(vector.expect).map(([field, question]) => [
      field,
      answers[field]?.(question, { vector, trace }) ?? null,
    ]),
  );
}

function changesIn(vector: Vector, { steps }: Trace, step: number): readonly WindowRow[] {
  return changedRows(rowsOf(vector, steps[step - 1]?.table ?? []), rowsOf(vector, steps[step]?.table ?? []));
}

function windowsByStep(
  field: string,
  question: Json | undefined,
  { vector, trace }: Played,
  rows: (step: number) => readonly WindowRow[],
): Json {
  const questions = stepQuestions(field, question, ['windows', 'timing']);
  const shape = windowShape(
    field,
    questions.flatMap(({ entry }) => listOf(entry['windows'])),
    vector,
  );
  return questions.map(({ step, fields }) => {
    const found = rows(step);
    const timing = found[0] === undefined ? null : timingOf(found[0]);
    return {
      afterStep: step,
      windows: found.map((row) => windowAnswer(vector, shape, row, offsetIn(trace, row))),
      ...(fields.includes('timing') ? { timing } : {}),
    };
  });
}

/** The rows of each step that were counted, where there are only rows. */
function rowsByStep(question: Json | undefined, vector: Vector, trace: Trace): Json {
  const places = (step: number) => keptPlaces(rowsOf(vector, trace.steps[step]?.table ?? []));
  return stepQuestions('emissions', question, ['rows']).map(({ step }) => {
    const before = new Set(places(step - 1));
    const added = places(step).filter((place) => !before.has(place));
    return { afterStep: step, rows: added.map((place) => trace.events[place]?.fields ?? null) };
  });
}

function windowList(
  field: string,
  question: Json | undefined,
  { vector, trace }: Played,
  rows: readonly WindowRow[],
): Json {
  const shape = windowShape(field, question, vector);
  return rows.map((row) => windowAnswer(vector, shape, row, offsetIn(trace, row)));
}

/** Answers by step. Each entry keeps the fields that its question names. */
function byStep(
  field: string,
  question: Json | undefined,
  known: readonly string[],
  { steps }: Trace,
  answer: (step: StepTrace, before: StepTrace | undefined) => JsonObject,
): Json {
  return stepQuestions(field, question, known).map((asked) => {
    const step = steps[asked.step];
    return { afterStep: asked.step, ...(step === undefined ? {} : only(asked, answer(step, steps[asked.step - 1]))) };
  });
}

function only({ fields }: StepQuestion, answer: JsonObject): JsonObject {
  return Object.fromEntries(fields.map((name) => [name, answer[name] ?? null]));
}

function watermarks(question: Json | undefined, { vector, trace }: Played): Json {
  return byStep(
    'watermarks',
    question,
    ['value', 'exclusive', 'emitted', 'idle', 'usedByDataBatch'],
    trace,
    (step, before) => ({
      value: nativeWatermark(vector.watermark, step.watermark),
      exclusive: step.watermark === Number.NEGATIVE_INFINITY ? null : step.watermark,
      emitted: step.watermark !== (before?.watermark ?? Number.NEGATIVE_INFINITY),
      idle: step.idle,
      usedByDataBatch: nativeWatermark(vector.watermark, before?.watermark ?? Number.NEGATIVE_INFINITY),
    }),
  );
}

/** In streams, the late events of each step. In window assignment, the events that no window can take. */
function dropped(question: Json | undefined, { vector, trace }: Played): Json {
  if (!isObject(question))
    return byStep(
      'dropped',
      question,
      ['rows', 'events', ...(vector.dedup === undefined ? [] : ['at'])],
      trace,
      (step) => ({
        at: 'window',
        // Spark counts late rows after their aggregation: one for each window and key.
        rows: vector.watermark.countsLate === 'rows' ? step.lateRows : step.lateCount,
        events: step.lateCount,
      }),
    );
  requireNothing(
    Object.keys(question)
      .filter((name) => name !== 'nullTime')
      .map((name) => `expect.dropped ${name}`),
  );
  const rejected = trace.steps
    .flatMap((step) => step.setAside)
    .filter(({ reason, event }) => reason === 'no-event-time' && event.fields['time'] === null);
  return { nullTime: rejected.length };
}
