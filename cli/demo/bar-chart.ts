import { formatNumber } from '../print/table.ts';

/** A bar of a chart. */
export interface Bar {
  readonly label: string;
  readonly value: number;
}

/** Eighths of a character cell, from none to seven. */
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Horizontal bars to one scale, the longest `width` characters wide. */
export function barChart(bars: readonly Bar[], width: number): string {
  const most = Math.max(1, ...bars.map((bar) => bar.value));
  const labelWidth = Math.max(...bars.map((bar) => bar.label.length));
  return bars
    .map(({ label, value }) => {
      const cells = Math.round((value / most) * width * 8);
      return `${label.padEnd(labelWidth)} ${'█'.repeat(Math.floor(cells / 8))}${eighths[cells % 8] ?? ''} ${formatNumber(value)}`;
    })
    .join('\n');
}
