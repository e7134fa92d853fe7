/** The sizes by which epochs and their tasks are cut. Results do not depend on them. */
export interface EpochBounds {
  /** A log of more entries behind its barrier is cut though nothing closes. */
  readonly mostEntries: number;
  /** A log of more bytes behind its barrier is cut though nothing closes. */
  readonly mostBytes: number;
  /** An entry that is older than this is gathered though nothing closes, in ms. */
  readonly oldestMs: number;
  /** Bytes of sections that one gathering task takes. */
  readonly taskBytes: number;
  /** Up to so many tasks of a kind are done by one run. More are taken by other invocations too. */
  readonly tasksAlone: number;
  /** How long a run that is at a task is taken to be at it, in ms. A task takes a tenth of a run, 6 s. */
  readonly leaseMs: number;
  /** Most windows that one emitting task takes. */
  readonly windowsATask: number;
  /** The windows of a query with more lanes than that are emitted lane by lane. */
  readonly lanesAlone: number;
  /** Bytes of text for one window of one lane above which a query gets more lanes. */
  readonly laneBytes: number;
  /** Most bytes of text in an item of a segment, before it is compressed: what is compressed is far from 400 KB. */
  readonly segmentBytes: number;
  /** Segments of a task that are put before it is noted how far it has come. */
  readonly segmentsAtATime: number;
  /** Most bytes of ids in an item of their segments, which are not compressed; above them segments are not merged. */
  readonly idBytes: number;
  /** Windows that are merged at the same time: a bound of memory. */
  readonly windowsAtATime: number;
  /** Keys of slices that are held before the windows that are whole are emitted: a bound of memory. */
  readonly mostKeys: number;
  /** Epochs between two runs of the task that forgets. */
  readonly forgetsEvery: number;
}

/** The bounds of a deployment. The simulator draws smaller ones, so that it meets tasks, parts and lanes. */
export const epochBounds: EpochBounds = {
  mostEntries: 64,
  mostBytes: 4 * 1024 * 1024,
  oldestMs: 3_600_000,
  taskBytes: 4 * 1024 * 1024,
  tasksAlone: 4,
  leaseMs: 10_000,
  windowsATask: 1_000,
  lanesAlone: 2,
  laneBytes: 2 * 1024 * 1024,
  segmentBytes: 300 * 1024,
  segmentsAtATime: 1_000,
  idBytes: 256 * 1024,
  windowsAtATime: 32,
  mostKeys: 200_000,
  forgetsEvery: 16,
};
