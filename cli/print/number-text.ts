const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const fraction = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 });
const small = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

/** From here on a number is shown by its first digits and its power of ten. */
const longest = 1e15;
/** Below this a number is shown by its power of ten, too. */
const tiny = 1e-6;

/**
 * A number for people, as in English whatever the machine's language: thousands apart, three digits behind the point,
 * and of a number below 1 its first three. `--json` has the exact one.
 */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size === 0) return String(Math.abs(value) === 0 ? 0 : value);
  if (size >= longest || size < tiny) return value.toExponential(3).replace(/\.?0*e\+?/, 'e');
  if (size < 1) return small.format(value);
  return size >= 100_000 ? whole.format(value) : fraction.format(value);
}
