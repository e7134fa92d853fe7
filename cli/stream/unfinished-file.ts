/**
 * Whether a name says that its file is not whole yet, or not meant to be read: what is hidden (`.`) or aside (`_`, as
 * `_SUCCESS`), as for Spark and Hadoop, what `hdfs dfs -put`, WinSCP, lftp, browsers, Flink and editors write before
 * they rename, and backups. Upper and lower case are the same.
 */
export function isUnfinished(name: string): boolean {
  return aside.test(name) || ending.test(name);
}

/** rsync and Flink hide theirs; Office writes `~$name`, Emacs `#name#`. */
const aside = /^(?:[._#]|~\$)/;

const ending =
  /(?:~|\._copying_|\.(?:tmp|temp|part|partial|filepart|uploading|upload|crdownload|download|opdownload|aria2|swp|swx|lock|writing|in-?progress(?:\.[\w-]+)?))$/i;
