const stillDuplicate =
  'an id is known for its horizon, whatever W: the record is told to be the duplicate that it is, and not to be late';

const sessionPanes =
  'a session is emitted once, when nothing can join it any more: with lateness that much later, and whole';

/** Vectors that Tidemark answers differently on purpose, each with its reason. docs/PEERS.md says more. */
export const knownDifferences: Readonly<Record<string, string>> = {
  'spark-two-inputs-min': 'each shard keeps its own progress over a restart, so W reaches 190 s one step earlier',
  'flink-valve-idle-ignores': 'a shard that gets a record is not idle any more, so its event time counts at once',
  'flink-op-global-end-of-stream':
    'a global window has no end that a stream could reach: it is read live, and goes on when the stream does',
  'spark-dedup-watermark': stillDuplicate,
  'spark-dedup-key-order':
    'a row whose time is W itself is not late: W says that no more events with time < W are expected',
  'spark-dedup-then-count-append': stillDuplicate,
  'flink-op-session-lateness10-discarding': sessionPanes,
  'flink-op-session-lateness10s-discarding': sessionPanes,
  'kafka-session-late-grace-1':
    'a session is closed when its last record + gap <= W; Kafka Streams keeps it a millisecond longer',
};
