/** A colour of the style sheet as a canvas takes it, with its current value, light or dark. */
export function themeColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A fill of diagonal lines, which means: not final yet. */
export function hatch(context: CanvasRenderingContext2D, color: string): CanvasPattern | string {
  const size = 6 * devicePixelRatio;
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  const paint = tile.getContext('2d');
  if (paint === null) return color;
  paint.strokeStyle = color;
  paint.lineWidth = 1.5 * devicePixelRatio;
  paint.beginPath();
  // Three strokes, so that the corners of neighbouring tiles meet.
  for (const shift of [-size, 0, size]) {
    paint.moveTo(shift, size);
    paint.lineTo(shift + size, 0);
  }
  paint.stroke();
  return context.createPattern(tile, 'repeat') ?? color;
}
