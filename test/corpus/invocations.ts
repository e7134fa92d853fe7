/** One hostile command line. It ends with one line on stderr, no stack and nothing on stdout. */
export interface Invocation {
  readonly name: string;
  /**
   * `{NAME}` stands for the path of a file of {@link files}, for the folder of these files (`{folder}`), or for an
   * address of {@link servers}.
   */
  readonly words: readonly string[];
  /** Standard input. It is given for the commands that read it and for no other. */
  readonly stdin?: string;
  /** 1: it failed; 2: it was called with wrong arguments. */
  readonly code: 1 | 2;
  /** The text that the line contains. */
  readonly names: string;
}

const parts = {
  name: "'p'",
  event: 'z.object({ time: z.number() })',
  eventTime: '(e) => e.time',
  watermark: '{ delay: 0 }',
  queries: "{ q: { window: tumbling('1 hour'), aggregates: { n: count() } } }",
};

/** A pipeline with one part that is nonsense. */
function pipeline(changes: Partial<typeof parts>): string {
  const fields = Object.entries({ ...parts, ...changes }).map(([name, code]) => `${name}: ${code}`);
  return `import { count, definePipeline, tumbling } from 'tidemark';
import { z } from 'zod';
export default definePipeline({ ${fields.join(', ')} });
`;
}

export const event = '{"time":1469501107,"action":"Open"}\n';

/** The files that commands are given, by name. */
export const files: Readonly<Record<string, string>> = {
  'events.json': event,
  'notes.txt': 'Some notes.',
  'empty.ts': '',
  'syntax.ts': 'export default {\n  "a" "b" };\n',
  'import.ts': 'import "./none.ts";\n',
  'package.ts': 'import "no-such-package";\n',
  'throws.ts': 'throw new Error("boom\\nand more");',
  'throws-null.ts': 'throw null;',
  'throws-text.ts': 'throw "text";',
  'no-default.ts': 'export const a = 1;',
  'waits.ts': 'await new Promise(() => {}); export default 1;',
  'promise.ts': 'export default Promise.resolve(1);',
  'other-object.ts': 'export default { name: "a" };',
  'forged.ts': 'export default { queries: [], delayMs: 0 };',
  'delay.ts': pipeline({ watermark: "{ delay: '1 fortnight' }" }),
  'no-queries.ts': pipeline({ queries: '{}' }),
  'name.ts': pipeline({ name: "'Upper Case'" }),
  'table.ts': pipeline({})
    .replace('tumbling }', 'lookup, table, tumbling }')
    .replace('watermark', "enrich: lookup(table('rooms'), 'time', { fields: ['room'] }), watermark"),
  'async.ts': pipeline({ event: 'z.any().refine(async () => true)' }),
};

/** Services that are not Tidemark, by name: the status, type and body of every answer. */
export const servers: Readonly<Record<string, readonly [status: number, type: string, body: string]>> = {
  html: [200, 'text/html', '<html>hello</html>'],
  json: [200, 'application/json', '{"hello":1}'],
  null: [200, 'application/json', 'null'],
  failing: [500, 'text/plain', 'boom'],
  forbidden: [403, 'application/json', '{"message":"Missing Authentication Token"}'],
};

const called = (name: string, words: readonly string[], names: string): Invocation => ({ name, words, code: 2, names });
const failed = (name: string, words: readonly string[], names: string): Invocation => ({
  name,
  words,
  stdin: event,
  code: 1,
  names,
});

const commands: readonly Invocation[] = [
  called('an unknown command', ['nope'], 'nope'),
  called('a command in capitals', ['BATCH', '{events.json}'], 'BATCH'),
  called('a command of no text', [''], "''"),
  called('a command of the prototype', ['constructor'], 'constructor'),
  called('help about an unknown command', ['help', 'nope'], 'nope'),
  called('an unknown option before any command', ['--nope'], '--nope'),
  called('an unknown option', ['up', '--prot', '3'], '--prot'),
  called('an option of another command', ['windows', '--port', '9', '--limit', '3'], '--limit'),
  called('a flag with a value', ['batch', '{events.json}', '--json=5'], '--json=5'),
  called('a flag that cannot be negated', ['batch', '{events.json}', '--no-json'], '--no-json'),
  called('an option without its value', ['up', '--port'], '--port'),
  called('an argument too many', ['status', 'extra', '--port', '9'], 'status'),
  called('a file for a command that reads standard input', ['put', 'file'], 'put'),
  called('no files', ['batch'], 'FILES'),
  called('a file of no name', ['batch', ''], 'FILES'),
  called('no name of a sample', ['sample'], 'DATASET'),
  called('something else than to look at sinks', ['sinks', 'list', '--port', '9'], 'list'),
  called('a redrive of no sink', ['sinks', 'redrive', '--port', '9'], 'SINK'),
];

const values: readonly Invocation[] = [
  ...['', '-1', '99999', '1e3', '0x10', '80.5', 'http'].map((port) =>
    called(`the port ${port || 'of no text'}`, ['up', '--port', port], `"${port}"`),
  ),
  ...['0', '101', 'many'].map((shards) =>
    called(`${shards} shards`, ['stream', '{events.json}', '--shards', shards], `"${shards}"`),
  ),
  ...['soon', '5', '1h,,2h', '-1h', '1.5h', '1 month', '36526 d', '9'.repeat(99)].map((delays) =>
    called(`delays of ${delays.slice(0, 20)}`, ['delay', '{events.json}', '--delays', delays], '--delays'),
  ),
  called('delays of no text', ['delay', '{events.json}', '--delays', ''], '--delays'),
  called('a rate of nothing', ['replay', '{events.json}', '--port', '9', '--rate', '0'], '--rate'),
  called('a time-out of nothing', ['drain', '--port', '9', '--timeout', '0'], '--timeout'),
  called('a schedule of all the time', ['up', '--finalize-every', '0'], '--finalize-every'),
  called('a source that is none', ['stream', '{events.json}', '--source', 'rabbitmq'], 'rabbitmq'),
  called('a trigger of no records', ['stream', '{events.json}', '--trigger-records', '0'], '--trigger-records'),
  called('a seed that is a word', ['demo', '--seed', 'x'], '--seed'),
  called('a seed of 33 bits', ['sample', 'open-close', '--out', '{folder}/out', '--seed', '4294967296'], '--seed'),
  called('an odd number of events', ['sample', 'open-close', '--out', '{folder}/out', '--events', '3'], '--events'),
  called(
    'more files than events',
    ['sample', 'open-close', '--out', '{folder}/out', '--events', '10', '--files', '9'],
    '--files',
  ),
  called('totals by an unknown field', ['batch', '{events.json}', '--totals', 'color'], 'color'),
  called('totals by a field twice', ['batch', '{events.json}', '--totals', 'action,action'], 'action,action'),
  called('totals by a field and nothing', ['stream', '{events.json}', '--totals', 'action,'], '--totals'),
  called('an unknown sample', ['sample', 'nope', '--out', '{folder}/out'], 'nope'),
  called('a sample without a folder', ['sample', 'open-close'], '--out'),
  called('a data folder of no name', ['up', '--data', ''], '--data'),
  called('a stream of no name', ['put', '--port', '9', '--stream', ''], '--stream'),
  called('an endpoint without http', ['put', '--endpoint', 'localhost'], 'localhost'),
  called(
    'an endpoint of a port that is none',
    ['replay', '{events.json}', '--endpoint', 'http://127.0.0.1:99999'],
    '99999',
  ),
  called('an address of another protocol', ['windows', '--api', 'ftp://x'], 'ftp://x'),
  called('an address that is a file', ['status', '--api', 'file:///etc/passwd'], 'file:///etc/passwd'),
  called('an address with a password', ['status', '--api', 'http://user:pass@127.0.0.1:9'], '--api'),
  called('an address with parameters', ['status', '--api', 'http://127.0.0.1:9?x=1'], '--api'),
  called('a pipeline that is not there', ['up', '--pipeline', 'nope'], 'nope'),
  called('a pipeline that is not there, for put', ['put', '--pipeline', 'nope'], 'nope'),
  called('a pipeline of the prototype', ['batch', '{events.json}', '--pipeline', '__proto__'], '__proto__'),
  called('a folder for a pipeline', ['batch', '{events.json}', '--pipeline', '{folder}'], '{folder}'),
];

const together: readonly Invocation[] = [
  called('two places of AWS', ['put', '--port', '9', '--endpoint', 'http://127.0.0.1:9'], '--endpoint'),
  called('two places of the API', ['status', '--port', '9', '--api', 'http://127.0.0.1'], '--api'),
  called('no place of the API', ['windows'], '--port'),
  called('a stream to be resumed from memory', ['stream', '{events.json}', '--resume'], '--data'),
  called('a demo to be resumed from memory', ['demo', '--resume'], '--data'),
  called('a topic without its brokers', ['stream', '{events.json}', '--source', 'kafka'], '--bootstrap-servers'),
  called('a topic for Kinesis', ['stream', '{events.json}', '--topic', 't'], '--source kafka'),
  called(
    'a topic that is kept in a folder',
    ['stream', '{events.json}', '--source', 'kafka', '--bootstrap-servers', '127.0.0.1:9', '--data', '{folder}/new'],
    '--data',
  ),
  called(
    'a topic that is fed from a folder',
    ['stream', '--watch', '{folder}', '--source', 'kafka', '--bootstrap-servers', '127.0.0.1:9'],
    '--watch',
  ),
  called(
    'two sizes of a trigger',
    ['stream', '{events.json}', '--max-files-per-trigger', '1', '--trigger-records', '1'],
    '--trigger-records',
  ),
  called(
    'two files of one name to be resumed',
    ['replay', '{events.json}', '{events.json}', '--resume', '--port', '9'],
    'events.json',
  ),
];

const tables: readonly Invocation[] = [
  ...['batch', 'stream', 'delay'].flatMap((command) => [
    called(
      `a table without rows, for ${command}`,
      [command, '{events.json}', '--pipeline', '{table.ts}'],
      '--lookup rooms=FILE',
    ),
    called(
      `rows of another table, for ${command}`,
      [command, '{events.json}', '--pipeline', '{table.ts}', '--lookup', 'x={events.json}'],
      '--lookup x',
    ),
    called(
      `rows for no table, for ${command}`,
      [command, '{events.json}', '--lookup', 'rooms={events.json}'],
      '--lookup rooms',
    ),
  ]),
  called(
    'rows without a table',
    ['batch', '{events.json}', '--pipeline', '{table.ts}', '--lookup', '{events.json}'],
    '--lookup',
  ),
  called(
    'rows for a backfill from the stream',
    ['backfill', '--pipeline', '{table.ts}', '--lookup', 'rooms={events.json}', '--port', '9'],
    '--lookup',
  ),
  called('an unknown act on a table', ['lookup', 'drop', 'rooms', '--port', '9'], 'drop'),
  called('rows that are not named', ['lookup', 'publish', 'rooms', '--port', '9'], 'FILE'),
  called('rows for a list', ['lookup', 'list', 'rooms', '{events.json}', '--port', '9'], 'events.json'),
  called('a table of no name', ['lookup', 'list', '--port', '9'], 'NAME'),
  called(
    'a table that the pipeline lacks',
    ['lookup', 'list', 'doors', '--pipeline', '{table.ts}', '--port', '9'],
    'use rooms',
  ),
  called(
    'a table of a pipeline without one',
    ['lookup', 'publish', 'rooms', '{events.json}', '--pipeline', 'device-actions', '--port', '9'],
    'rooms',
  ),
  called(
    'a version from some time',
    ['lookup', 'publish', 'rooms', '{events.json}', '--from', 'soon', '--port', '9'],
    '--from',
  ),
  failed(
    'rows that are no JSON',
    ['lookup', 'publish', 'rooms', '{notes.txt}', '--pipeline', '{table.ts}', '--port', '9'],
    'notes.txt:1',
  ),
  failed(
    'rows that are missing',
    ['batch', '{events.json}', '--pipeline', '{table.ts}', '--lookup', 'rooms={folder}/none.json'],
    'none.json',
  ),
];

const inputs: readonly Invocation[] = [
  ...['batch', 'stream', 'delay', 'replay'].flatMap((command) => [
    failed(`a file that is missing, for ${command}`, [command, '{folder}/none.json'], 'none.json'),
    failed(`a folder for a file, for ${command}`, [command, '{folder}'], '{folder}'),
  ]),
  failed('a file within a file', ['batch', '{events.json}/none.json'], 'events.json/none.json'),
  failed('a link that leads nowhere', ['batch', '{folder}/dangling'], 'dangling'),
  failed('a link to itself', ['batch', '{folder}/loop'], 'loop'),
  failed('a file name of 5,000 characters', ['batch', 'x'.repeat(5000)], 'xxx'),
  failed('a file for a data folder', ['stream', '{events.json}', '--data', '{events.json}'], 'events.json'),
  failed('a data folder that is something else', ['stream', '{events.json}', '--data', '{folder}/up'], 'up'),
  failed('a file for the folder of the demo', ['demo', '--data', '{events.json}'], 'events.json'),
  failed('a file for the folder of a sample', ['sample', 'open-close', '--out', '{events.json}'], 'events.json'),
  failed('a folder of a sample with something else', ['sample', 'open-close', '--out', '{folder}'], '{folder}'),
];

const pipelines: readonly Invocation[] = [
  ['does not compile', 'syntax.ts', 'syntax.ts:2:'],
  ['imports a file that is not there', 'import.ts', 'none.ts'],
  ['imports a package that is not there', 'package.ts', 'no-such-package'],
  ['throws an error of two lines', 'throws.ts', 'boom'],
  ['throws null', 'throws-null.ts', 'throws-null.ts'],
  ['throws text', 'throws-text.ts', 'text'],
  ['is empty', 'empty.ts', 'empty.ts'],
  ['is text', 'notes.txt', 'notes.txt'],
  ['is data', 'events.json', 'events.json'],
  ['has no default export', 'no-default.ts', 'no-default.ts'],
  ['exports a promise', 'promise.ts', 'promise.ts'],
  ['exports something else', 'other-object.ts', 'other-object.ts'],
  ['exports what looks like a pipeline', 'forged.ts', 'forged.ts'],
  ['has a delay that is none', 'delay.ts', 'watermark.delay'],
  ['has no queries', 'no-queries.ts', 'queries'],
  ['has a name that is none', 'name.ts', 'Upper Case'],
  ['has an asynchronous schema', 'async.ts', 'event'],
].map(([name = '', file, names = '']) =>
  failed(`a pipeline that ${name}`, ['batch', '{events.json}', '--pipeline', `{${file}}`], names),
);

const endpoints: readonly Invocation[] = [
  failed('nothing that listens, for put', ['put', '--endpoint', 'http://127.0.0.1:9'], '127.0.0.1:9'),
  failed(
    'nothing that listens, for replay',
    ['replay', '{events.json}', '--endpoint', 'http://127.0.0.1:9'],
    '127.0.0.1:9',
  ),
  failed(
    'no broker',
    ['stream', '{events.json}', '--source', 'kafka', '--bootstrap-servers', '127.0.0.1:9'],
    '127.0.0.1:9',
  ),
  failed(
    'a broker without a port',
    ['stream', '{events.json}', '--source', 'kafka', '--bootstrap-servers', '127.0.0.1'],
    'bootstrapServers',
  ),
  failed(
    'a topic of no name',
    ['stream', '{events.json}', '--source', 'kafka', '--bootstrap-servers', '127.0.0.1:9', '--topic', 'a topic'],
    'a topic',
  ),
  failed('nothing that listens, for drain', ['drain', '--endpoint', 'http://127.0.0.1:9'], '127.0.0.1:9'),
  failed('nothing that listens, for the API', ['status', '--api', '{closed}'], '127.0.0.1'),
  failed('a port that HTTP clients refuse', ['status', '--port', '1'], '--port'),
  failed('a host that is not there', ['status', '--api', 'http://nowhere.invalid/'], 'nowhere.invalid'),
  failed('a page of the web for the API', ['status', '--api', '{html}'], '{html}'),
  failed('another API', ['windows', '--api', '{json}'], '{json}'),
  failed('another API, for totals', ['totals', '--api', '{json}'], '{json}'),
  failed('an API that answers null', ['status', '--api', '{null}'], '{null}'),
  failed('an API that fails', ['status', '--api', '{failing}'], '500'),
  failed('an API that lets nobody in', ['windows', '--api', '{forbidden}'], 'Missing Authentication Token'),
  failed(
    'a page of the web for Kinesis',
    ['replay', '{events.json}', '--endpoint', '{html}', '--stream', 's'],
    '--endpoint',
  ),
  failed('a page of the web for Lambda', ['drain', '--endpoint', '{html}'], '--endpoint'),
  failed('a page of the web that is asked for TLS', ['status', '--api', '{html as https}'], 'TLS'),
];

/** Hostile command lines that need no running service. */
export const invocations: readonly Invocation[] = [
  ...commands,
  ...values,
  ...together,
  ...tables,
  ...inputs,
  ...pipelines,
  ...endpoints,
];

/** Hostile command lines for a process of its own. The process ends and leaves nothing behind. */
export const launched: readonly Invocation[] = [
  called('an unknown command', ['nope'], 'nope'),
  failed('a file that is missing', ['batch', '{folder}/none.json'], 'none.json'),
  failed('a pipeline that waits for ever', ['batch', '{events.json}', '--pipeline', '{waits.ts}'], 'await'),
];
