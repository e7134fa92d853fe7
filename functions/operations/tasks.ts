import { argumentError } from '../core/arguments/error.ts';
import { takeTasks } from '../state/epochs/finalizer.ts';
import type { TaskRequest } from '../state/epochs/task-runner.ts';
import { finalizerOf } from './advance.ts';
import { parseCount } from './fields.ts';
import { type Operation, unmeasured } from './operation.ts';

/** The fields of a request to take tasks of an epoch beside the run that leads. Runs of finalize ask each other. */
export type TaskFields = TaskRequest;

/** Takes tasks of an epoch for the run that has asked for it (task-runner.ts). */
export const tasks: Operation<TaskRequest, Record<string, never>> & { readonly name: 'tasks' } = {
  name: 'tasks',
  parse(fields) {
    const { stage } = fields;
    if (typeof stage !== 'string' || stage === '')
      throw argumentError('stage', stage, 'is not a stage of an epoch: only runs of finalize ask for tasks');
    return { stage, epoch: parseCount(fields, 'epoch'), begin: parseCount(fields, 'begin') };
  },
  async run(context, request) {
    await takeTasks(finalizerOf(context), request);
    return unmeasured({});
  },
};
