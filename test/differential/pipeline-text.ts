import { aggregates } from './aggregates.ts';
import type { CaseQuery, CaseWindow, DifferentialCase } from './case.ts';
import { conditions } from './conditions.ts';
import { fields } from './fields.ts';
import { groupKeys } from './group-keys.ts';

const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

/** The pipeline of a case as its user would write it. */
export function pipelineText(given: DifferentialCase): string {
  const schema = Object.entries(fields).map(([name, { schema }]) => `  ${name}: ${schema},`);
  const usesOwn = given.queries.some((query) => query.aggregates.some(({ kind }) => kind === 'own'));
  const body = `const event = z.object({
  time: z.${given.timeForm === 'iso' ? 'string' : 'number'}(),
${schema.join('\n')}
});
type Event = z.infer<typeof event>;
${usesOwn ? ownAggregate : ''}
export default definePipeline({
  name: 'differential',
  event,
  eventTime: { of: (e) => e.time${given.timeForm === 'iso' ? '' : `, unit: '${given.timeForm}'`} },
  watermark: { delay: ${duration(given.delayMs)}, maxFutureSkew: ${duration(given.futureSkewMs)} },
${given.dedup ? "  dedup: { by: (e) => e.id, within: '7 days' },\n" : ''}  queries: {
${given.queries.map(queryText).join('\n')}
  },
});
`;
  const used = language.filter((name) => new RegExp(`\\b${name}\\(`).test(body));
  return `import { ${used.join(', ')} } from 'tidemark';\nimport * as z from 'zod';\n\n${body}`;
}

const language = [
  ...Object.keys(aggregates).filter((kind) => kind !== 'own'),
  'defineAggregate',
  'definePipeline',
  'tumbling',
  'sliding',
  'cumulate',
  'calendar',
  'session',
  'global',
  'rollup',
  'cube',
];

const ownAggregate = `
const differingBits = defineAggregate({
  name: 'differingBits',
  identity: 0,
  add: (state, { i }: Event) => (i == null ? state : state ^ i),
  merge: (left, right) => left ^ right,
  encode: (state) => state,
  decode: Number,
  result: (state) => state,
});
`;

function queryText({ name, window, groupBy, totals, where, latenessMs, aggregates: given }: CaseQuery): string {
  const names = groupBy.map((key) => `'${key}'`).join(', ');
  const functions = groupBy.map((key) => `${key}: (e) => ${groupKeys[key]?.js ?? `e.${key}`}`);
  const keys =
    totals !== undefined
      ? `${totals}(${names})`
      : groupBy.some((key) => groupKeys[key]?.js !== undefined)
        ? `{ ${functions.join(', ')} }`
        : `[${names}]`;
  const lines = [
    ...(where === undefined ? [] : [`where: (e) => ${conditions[where]?.js},`]),
    ...(groupBy.length === 0 ? [] : [`groupBy: ${keys},`]),
    `window: ${windowText(window)},`,
    ...(latenessMs === 0 ? [] : [`allowedLateness: ${duration(latenessMs)},`]),
    `aggregates: { ${given.map((one, i) => `a${i}: ${aggregates[one.kind]?.js(one)}`).join(', ')} },`,
  ];
  return `    ${name}: {\n${lines.map((line) => `      ${line}`).join('\n')}\n    },`;
}

function windowText(window: CaseWindow): string {
  switch (window.kind) {
    case 'tumbling':
      return `tumbling(${duration(window.sizeMs)}${options(window.offsetMs, window.zone)})`;
    case 'sliding':
      return `sliding(${duration(window.sizeMs)}, ${duration(window.slideMs)}${options(window.offsetMs)})`;
    case 'cumulate':
      return `cumulate(${duration(window.sizeMs)}, ${duration(window.stepMs)}${options(window.offsetMs)})`;
    case 'session':
      return `session(${duration(window.gapMs)}, { resolution: ${duration(window.resolutionMs)} })`;
    case 'calendar': {
      const start = window.weekStart === undefined ? '' : `, weekStart: '${weekdays[window.weekStart]}'`;
      return `calendar('${window.unit}', { timeZone: '${window.zone}'${start} })`;
    }
    case 'global':
      return 'global()';
  }
}

function options(offsetMs: number, zone?: string): string {
  const given = [
    ...(offsetMs === 0 ? [] : [`offset: ${duration(offsetMs)}`]),
    ...(zone === undefined ? [] : [`timeZone: '${zone}'`]),
  ];
  return given.length === 0 ? '' : `, { ${given.join(', ')} }`;
}

function duration(ms: number): string {
  return ms === 0 ? '0' : `{ ms: ${ms} }`;
}
