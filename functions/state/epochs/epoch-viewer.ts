import type { Query } from '../../core/definition/pipeline.ts';
import type { ReaderTables, WindowRange, WindowView, WindowViewer } from '../windows/window-view.ts';

/** Windows as they were read. */
export interface LiveViews {
  readonly views: readonly WindowView[];
  /**
   * The clock of the epoch that the open windows are as of, epoch ms. Undefined: they hold every batch that was added
   * before the read.
   */
  readonly asOf: number | undefined;
  /** An answer as of an epoch at or behind this one does not go back behind this answer. */
  readonly heldBy: number;
}

/** A viewer that reads what is open from segments and tails, and says how far it got. */
export interface EpochViewer extends WindowViewer {
  /** As {@link WindowViewer.live}. */
  liveViews(tables: ReaderTables, query: Query, range: WindowRange): Promise<LiveViews>;
}

/** A viewer that reads what is open by one function. @param how.mayGetMore as of {@link WindowViewer} */
export function epochViewer(how: Pick<EpochViewer, 'mayGetMore' | 'liveViews'>): EpochViewer {
  return { ...how, live: async (tables, query, range) => (await how.liveViews(tables, query, range)).views };
}
