/**
 * The forms in which CSV writes text that a spreadsheet would take for a formula: with an apostrophe before it, which
 * makes it text there (OWASP, "CSV Injection"), or as it is.
 */
export const formulaForms = ['defused', 'raw'] as const;

/** One of {@link formulaForms}. */
export type FormulaForm = (typeof formulaForms)[number];

/**
 * Text that begins a formula: the characters that OWASP names, their full-width forms among them. Text that looks
 * defused counts too, so that two texts never become one.
 */
const formulaPattern = /^'*[=+\-@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]/;

/** Numbers as text, such as exact sums, are not formulas. */
const numberPattern = /^-?(\d+(\.\d+)?([eE][+-]?\d+)?|Infinity)$/;

/** Text that a reader would take for nothing, a number or a truth value unless it is quoted. */
const ambiguousPattern = /^(|-?\d.*|true|false|null)$/i;

/** Characters that CSV asks quotes for: separators, line ends, and space at the ends, which many readers cut. */
const specialPattern = /[",\r\n]|^\s|\s$/;

/**
 * A row of CSV (RFC 4180) with its line end. Null is empty, and the empty text is `""`. Text that looks like a number
 * or a truth value is quoted. An object is JSON. A reader that heeds quotes, as `tidemark batch` does, gets back what
 * was written, unless text was defused.
 */
export function csvRow(cells: readonly unknown[], formulas: FormulaForm): string {
  return `${cells.map((cell) => csvCell(cell, formulas)).join()}\r\n`;
}

function csvCell(value: unknown, formulas: FormulaForm): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return numberCell(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  const given = typeof value === 'string' ? value : JSON.stringify(value);
  const isFormula = formulaPattern.test(given) && !numberPattern.test(given);
  const text = formulas === 'defused' && isFormula ? `'${given}` : given;
  return ambiguousPattern.test(text) || specialPattern.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Whole numbers that are no longer exact are written with an exponent. Their digits would be read as those of a great
 * integer.
 */
function numberCell(value: number): string {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
}
