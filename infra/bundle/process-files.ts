/** The entry files of the child processes and of the worker that is an execution environment, below infra/local. */
export const processFiles = {
  'emulators-process': 'processes/emulators-process.ts',
  'functions-process': 'processes/functions-process.ts',
  'runner-process': 'processes/runner-process.ts',
  'environment-worker': 'lambda/environment-worker.ts',
} as const;

/** The name of a bundled process, without an extension. */
export type ProcessName = keyof typeof processFiles;
