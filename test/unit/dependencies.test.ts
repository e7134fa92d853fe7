import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const read = (file: string): Manifest => JSON.parse(readFileSync(new URL(file, root), 'utf8'));
const tidemark = read('package.json');
const local = read('infra/local/package.json');
const kafkaClient = read('test/kafka/client/package.json');

/** The dependencies of a package, as pairs of a name and a version. */
const named = ({ dependencies, devDependencies, peerDependencies, optionalDependencies }: Manifest) =>
  [dependencies, devDependencies, peerDependencies, optionalDependencies].flatMap((of) => Object.entries(of ?? {}));

const all = [tidemark, local, kafkaClient].flatMap(named);
const document = readFileSync(new URL('docs/dependencies.md', root), 'utf8');
const [why = '', origins = ''] = document.split('## Where they come from');

describe('the dependencies', () => {
  it('are pinned, but for the peers that a user brings in a version of theirs', () => {
    const ranges = all.filter(([, version]) => !/^\d+\.\d+\.\d+[\w.-]*$/.test(version)).map(([name]) => name);
    expect(ranges.sort()).toEqual(['aws-cdk-lib', 'constructs']);
  });

  it('have one version, whichever package.json names them', () => {
    const versions = new Map<string, Set<string>>();
    for (const [name, version] of all)
      if (/^\d/.test(version)) versions.set(name, (versions.get(name) ?? new Set()).add(version));
    expect([...versions].filter(([, found]) => found.size > 1)).toEqual([]);
  });

  it('are of one version of Tidemark', () => {
    expect(local.version).toBe(tidemark.version);
    expect(local.peerDependencies?.tidemark).toBe(tidemark.version);
    expect(tidemark.peerDependencies?.['tidemark-local']).toBe(tidemark.version);
  });

  it('of the package are those that its code does not hold: three', () => {
    expect(Object.keys(tidemark.dependencies ?? {})).toEqual(['@standard-schema/spec', 'esbuild', 'zod']);
  });

  it('are all explained, and their origins listed', () => {
    const names = [...new Set(all.map(([name]) => name))].filter((name) => !name.startsWith('tidemark'));
    const explained = (name: string) =>
      why.includes(`\`${name}\``) || (name.startsWith('@types/') && why.includes('`@types/*`')) || isOfFamily(name);
    expect(names.filter((name) => !explained(name))).toEqual([]);
    const listed = [...origins.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
    expect(listed).toEqual([...names].sort());
  });
});

/** A line may name a family once: `@aws-sdk/client-dynamodb`, `client-kinesis`. */
function isOfFamily(name: string): boolean {
  const [scope, short = ''] = name.split('/');
  return name.startsWith('@') && why.includes(`\`${scope}/`) && why.includes(`\`${short}\``);
}
