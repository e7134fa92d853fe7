/** The extent of a case: `whole` on request, `part` in every run of the tests, with the same checks. */
export type Extent = 'whole' | 'part';

/** The figures of a case, by name. The names give the units. */
export type Figures = Readonly<Record<string, number | string>>;

/** A case that runs the production code. @throws Violation when an invariant, or a bound of the case, does not hold */
export type ScaleCase = (extent: Extent) => Promise<Figures>;
