/** A vector asks for something that Tidemark does not have today. Ends one vector, never the run. */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
  /** The missing features, by their names in the vectors: `window session`, `allowedLateness`. */
  readonly features: readonly string[];

  constructor(features: readonly string[]) {
    super(features.join(', '));
    this.features = features;
  }
}

/** @throws Unsupported if anything is missing */
export function requireNothing(missing: readonly string[]): void {
  if (missing.length > 0) throw new Unsupported([...new Set(missing)]);
}
