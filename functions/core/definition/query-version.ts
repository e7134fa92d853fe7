/**
 * A query's name as two parts: `actionsPerHour@2` is version 2 of `actionsPerHour`, and `actionsPerHour` is its version
 * 1.
 */
export interface QueryVersion {
  readonly base: string;
  readonly version: number;
}

/** Greatest version of a query. */
export const mostVersions = 9999;

/** The parts of a name; undefined when it is not the name of a query. `NAME@1` is `NAME`. */
export function queryVersion(name: string): QueryVersion | undefined {
  const [, base, version = '1'] = /^([A-Za-z][A-Za-z0-9_]{0,63})(?:@([1-9]\d{0,3}))?$/.exec(name) ?? [];
  return base === undefined ? undefined : { base, version: Number(version) };
}

/** The name under which a version is defined, and under which its state and windows are kept. */
export function versionName({ base, version }: QueryVersion): string {
  return version === 1 ? base : `${base}@${version}`;
}
