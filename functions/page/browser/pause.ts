const liveMs = 2000;
/** The wait (ms) while nothing changes: the API may cost money by the request, so it is asked less often. */
const quietMs = 10_000;
const quietAfter = 30;
const longestAwayMs = 15_000;

/**
 * How long (ms) to wait after a poll.
 * @param failures in a row
 * @param unchanged polls in a row that found nothing new
 */
export function pauseMs(failures: number, unchanged: number): number {
  if (failures > 0) return Math.min(longestAwayMs, 1000 * 2 ** (failures - 1));
  return unchanged >= quietAfter ? quietMs : liveMs;
}
