import { mostBodyBytes, mostEvents } from './event-body.ts';
import { eventsPath } from './events-path.ts';
import { listTypes } from './list-answer.ts';
import type { Route } from './route.ts';
import { eventSchemas, schemas } from './schemas.ts';

/**
 * The API's description (OpenAPI 3.1). It is made of the definitions that requests are read by and answers are checked
 * against.
 */
export function openApiDocument(
  pipeline: string,
  version: string,
  routes: readonly Route[],
  ingest: 'on' | 'off' = 'off',
): Readonly<Record<string, unknown>> {
  return {
    openapi: '3.1.1',
    info: {
      title: `Tidemark: ${pipeline}`,
      version,
      summary: 'Windows, totals, watermarks and counters of a pipeline',
      description:
        'Times are epoch milliseconds, with ISO 8601 beside them. Parameters that are not known are refused. Errors are problem documents (RFC 9457).',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'Below the stage of the API: relative to where this document is' }],
    security: [{}, { signed: [] }],
    tags: [{ name: 'tidemark', description: 'The query API' }],
    paths: {
      ...Object.fromEntries(routes.map((route) => [route.path, { get: operation(route) }])),
      ...(ingest === 'on' ? { [eventsPath]: { post: postEvents } } : {}),
    },
    components: {
      schemas: { ...schemas, ...(ingest === 'on' ? eventSchemas : {}) },
      responses: {
        Problem: {
          description: 'What is wrong, and what to do',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: {
        signed: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: 'AWS Signature Version 4, service execute-api; open on a laptop',
        },
      },
    },
  };
}

function operation({ path, id, summary, description, parameters, answers, isList }: Route) {
  const schema = { $ref: `#/components/schemas/${answers}` };
  const [json, ...others] = listTypes;
  const flat = Object.fromEntries(
    others.map((type) => [type, { schema: { type: 'string', description: 'a row a line' } }]),
  );
  return {
    operationId: id,
    summary,
    description,
    tags: ['tidemark'],
    parameters: Object.entries(parameters).map(([name, { description: text, schema: own }]) => {
      const inPath = path.includes(`{${name}}`);
      return { name, in: inPath ? 'path' : 'query', required: inPath, description: text, schema: own };
    }),
    responses: {
      '200': { description: summary, content: { [json]: { schema }, ...(isList ? flat : {}) } },
      '4XX': { $ref: '#/components/responses/Problem' },
      '500': { $ref: '#/components/responses/Problem' },
      '503': { $ref: '#/components/responses/Problem' },
    },
  };
}

const event = { description: "An event by the pipeline's own schema." };
const refused = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/EventsProblem' } } },
});
const answers = (description: string) => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Events' } } },
});

/** The one operation that the query function does not answer (functions/ingest.ts does). */
const postEvents = {
  operationId: 'putEvents',
  summary: 'Puts events into the stream',
  description: `At most ${mostEvents} events and ${mostBodyBytes} bytes, unpacked; \`Content-Encoding: gzip\` is taken. Each event is answered. The status of the answer is that of its events, or 207 where they differ. An event that is sent again is counted once where the pipeline deduplicates.`,
  tags: ['tidemark'],
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: { anyOf: [event, { type: 'array', items: event, minItems: 1, maxItems: mostEvents }] },
      },
      'application/x-ndjson': { schema: { type: 'string', description: 'an event a line' } },
    },
  },
  responses: {
    '202': answers('All are in the stream'),
    '207': answers('Some are not: look at each'),
    '422': refused('None is an event of the pipeline'),
    '429': refused('None is in the stream, which takes no more at the moment: send them again'),
    '503': refused('None is known to be in the stream: send them again'),
    '4XX': { $ref: '#/components/responses/Problem' },
    '500': { $ref: '#/components/responses/Problem' },
  },
};
