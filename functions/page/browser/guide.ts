import type { ShownHealth } from './api.ts';

/** How events of pipelines that come with the package are made up. */
const samples: Readonly<Record<string, string>> = {
  'device-actions': 'npx tidemark sample open-close --out events',
};

/** The commands that put events, in the order in which they are tried. */
export interface Guide {
  readonly text: string;
  readonly commands: readonly (readonly [what: string, command: string])[];
}

/** What to do where nothing has come yet: the commands for where the page runs. */
export function guideOf({ pipeline, source, stream, stack, port }: ShownHealth): Guide {
  if (source === 'kafka')
    return { text: `No event has come yet. The pipeline reads the topic ${stream}.`, commands: [] };
  const where = stack !== null ? `--stack ${stack}` : port !== null ? `--port ${port}` : `--stream ${stream}`;
  const sample = samples[pipeline];
  const lines = ['Lines as they come', `tail -f app.log | npx tidemark put ${where}`] as const;
  return {
    text: 'No event has come yet. Put some, and they show here:',
    commands:
      pipeline === 'rate'
        ? [['Events at a rate', `npx tidemark rate ${where}`]]
        : [
            ...(sample === undefined ? [] : [['Events of the lesson', sample] as const]),
            ['Files of JSON lines, CSV or Parquet', `npx tidemark replay events/*.json ${where}`],
            lines,
          ],
  };
}
