import path from 'node:path';
import { findPackageRoot } from '../infra/local/package-root.ts';

/** The folder of the package, the same from the sources (tests) and from the bundle under `node_modules/.cache/tidemark/`. */
export const packageRoot: string = findPackageRoot();

/** Where bundles made on the fly are kept; inside `node_modules`, so that Node resolves the package's own dependencies from it. */
export const cacheFolder: string = path.join(packageRoot, 'node_modules', '.cache', 'tidemark');
