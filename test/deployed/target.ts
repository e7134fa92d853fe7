import type { Iam } from './options.ts';

/** The kind of system at an endpoint. */
export type Kind = 'ministack' | 'localstack' | 'other';

/** The target of the suite, which the launcher passes in the environment. */
export interface Target {
  readonly endpoint: string;
  readonly kind: Kind;
  /** Whether the endpoint refuses what IAM does not allow. */
  readonly iam: Iam;
  /** For temporary files; the launcher removes it. */
  readonly folder: string;
}

/** The variables in which the launcher tells the suite where it runs. */
export const targetVariables = {
  endpoint: 'TIDEMARK_DEPLOYED_ENDPOINT',
  iam: 'TIDEMARK_DEPLOYED_IAM',
  folder: 'TIDEMARK_DEPLOYED_FOLDER',
} as const;

/** Determines the kind of an endpoint by asking it. */
export async function kindOf(endpoint: string): Promise<Kind> {
  for (const kind of ['ministack', 'localstack'] as const) {
    const answer = await fetch(new URL(`/_${kind}/health`, endpoint)).catch(() => undefined);
    if (answer?.ok === true) return kind;
  }
  return 'other';
}

/** @throws when the suite was started without its launcher */
export async function readTarget(environment: NodeJS.ProcessEnv): Promise<Target> {
  const endpoint = environment[targetVariables.endpoint];
  const folder = environment[targetVariables.folder];
  if (endpoint === undefined || folder === undefined) throw new Error('start this suite with npm run test:deployed');
  return {
    endpoint,
    kind: await kindOf(endpoint),
    iam: environment[targetVariables.iam] === 'enforced' ? 'enforced' : 'ignored',
    folder,
  };
}
