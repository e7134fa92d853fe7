import { findPackageRoot } from '../../infra/bundle/package-root.ts';

/** The folder of the package, the same from the sources (tests) and from a bundle in the cache folder. */
export const packageRoot: string = findPackageRoot();
