import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { App, Stack } from 'aws-cdk-lib/core';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { EventTimeAggregation, type EventTimeAggregationProps } from '../../infra/event-time-aggregation.ts';

/** Properties of the construct that a test changes. They are made in their stack. */
export type Changes = (stack: Stack) => Partial<EventTimeAggregationProps>;

/** A stack with one construct, and its template. */
export interface Synthesized {
  readonly stack: Stack;
  readonly counts: EventTimeAggregation;
  readonly template: Template;
}

/** The template of a stack with one construct. It does not depend on bundling, so nothing is bundled. */
export function synth(changes: Changes = () => ({})): Synthesized {
  const { stack, counts } = stackIn(newApp({ 'aws:cdk:bundling-stacks': [] }), changes);
  return { stack, counts, template: Template.fromStack(stack) };
}

/**
 * An app under cdk.json's feature flags, without the validation of every template: that takes seconds, and `npm run
 * synth` does it.
 */
export function newApp(context: Readonly<Record<string, unknown>>, outdir?: string): App {
  return new App({
    context: { ...cdkJson.context, ...context },
    builtinCloudFormationValidation: false,
    treeMetadata: false,
    ...(outdir === undefined ? {} : { outdir }),
  });
}

/** A stack with one construct of a small handler and the sample pipeline. */
export function stackIn(
  app: App,
  changes: Changes = () => ({}),
  stack: Stack = new Stack(app, 'Tidemark'),
): Omit<Synthesized, 'template'> {
  const handler = join(import.meta.dirname, 'fixtures', 'handler.ts');
  const counts = new EventTimeAggregation(stack, 'Counts', {
    pipeline: 'pipelines/device-actions.ts',
    entries: { aggregate: handler, finalize: handler, query: handler },
    ...changes(stack),
  });
  return { stack, counts };
}
