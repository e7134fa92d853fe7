/**
 * Whether a name says that its file is not whole yet, or not meant to be read. Such are hidden files (`.`) and files
 * put aside (`_`, as `_SUCCESS`), as for Spark and Hadoop. Such are files that `hdfs dfs -put`, WinSCP, lftp, browsers,
 * Flink and editors write before they rename them, and backups. Upper and lower case are the same.
 */
export function isUnfinished(name: string): boolean {
  return aside.test(name) || ending.test(name);
}

/** The beginning of such a name. rsync and Flink hide theirs; Office writes `~$name`, Emacs `#name#`. */
const aside = /^(?:[._#]|~\$)/;

const ending =
  /(?:~|\._copying_|\.(?:tmp|temp|part|partial|filepart|uploading|upload|crdownload|download|opdownload|aria2|swp|swx|lock|writing|in-?progress(?:\.[\w-]+)?))$/i;
