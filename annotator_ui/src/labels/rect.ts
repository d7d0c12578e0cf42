/** Half-open pixel rectangles, axes yx: rows y0..y1, columns x0..x1. */

export interface Rect {
  readonly y0: number;
  readonly x0: number;
  readonly y1: number;
  readonly x1: number;
}

export function union(a: Rect | null, b: Rect | null): Rect | null {
  if (!a) return b;
  if (!b) return a;
  return {
    y0: Math.min(a.y0, b.y0),
    x0: Math.min(a.x0, b.x0),
    y1: Math.max(a.y1, b.y1),
    x1: Math.max(a.x1, b.x1),
  };
}

/** `rect` grown by `margin` on each side and cut to a map of `height` x `width`; null where nothing is left. */
export function clip(rect: Rect, height: number, width: number, margin = 0): Rect | null {
  const y0 = Math.max(0, rect.y0 - margin);
  const x0 = Math.max(0, rect.x0 - margin);
  const y1 = Math.min(height, rect.y1 + margin);
  const x1 = Math.min(width, rect.x1 + margin);
  return y0 < y1 && x0 < x1 ? { y0, x0, y1, x1 } : null;
}
