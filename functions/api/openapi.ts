import { listTypes } from './list-answer.ts';
import type { Route } from './route.ts';
import { schemas } from './schemas.ts';

/** The API's description (OpenAPI 3.1), made of what requests are read by and of what answers are checked against. */
export function openApiDocument(pipeline: string, version: string, routes: readonly Route[]): Readonly<Record<string, unknown>> {
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
    paths: Object.fromEntries(routes.map((route) => [route.path, { get: operation(route) }])),
    components: {
      schemas,
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
  const flat = Object.fromEntries(others.map((type) => [type, { schema: { type: 'string', description: 'a row a line' } }]));
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
    },
  };
}
