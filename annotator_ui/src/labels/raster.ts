/** From pointer paths to pixels. Coordinates are continuous: pixel (i, j) has its centre at (i + 0.5, j + 0.5). */

import type { Rect } from "./rect";

export interface Point {
  readonly y: number;
  readonly x: number;
}

/** Below this radius a brush is one pixel wide, and snaps to pixels so that it never misses. */
const ONE_PIXEL = 1;

function snap(point: Point): Point {
  return { y: Math.floor(point.y) + 0.5, x: Math.floor(point.x) + 0.5 };
}

/**
 * Rows of the pixels whose centres lie within `radius` of the segment `from`-`to`: `visit(y, x0, x1)`, half-open in x.
 * A capsule is convex, so each row is one span. Returns the bounding box, null where no pixel is covered.
 */
export function rasterizeCapsule(
  from: Point,
  to: Point,
  radius: number,
  height: number,
  width: number,
  visit: (y: number, x0: number, x1: number) => void,
): Rect | null {
  const thin = radius < ONE_PIXEL;
  const a = thin ? snap(from) : from;
  const b = thin ? snap(to) : to;
  const r = thin ? 0.5 : radius;
  const dy = b.y - a.y;
  const dx = b.x - a.x;
  const length = Math.hypot(dy, dx);
  // Corners of the rectangle between the two discs, in order around it.
  const ny = length > 0 ? (dx / length) * r : 0;
  const nx = length > 0 ? (-dy / length) * r : 0;
  const corners: Point[] = [
    { y: a.y + ny, x: a.x + nx },
    { y: b.y + ny, x: b.x + nx },
    { y: b.y - ny, x: b.x - nx },
    { y: a.y - ny, x: a.x - nx },
  ];
  const first = Math.max(0, Math.ceil(Math.min(a.y, b.y) - r - 0.5));
  const last = Math.min(height - 1, Math.floor(Math.max(a.y, b.y) + r - 0.5));
  let box: { y0: number; x0: number; y1: number; x1: number } | null = null;
  for (let y = first; y <= last; y++) {
    const centre = y + 0.5;
    let low = Infinity;
    let high = -Infinity;
    for (const end of [a, b]) {
      const h = r * r - (centre - end.y) ** 2;
      if (h < 0) continue;
      const half = Math.sqrt(h);
      low = Math.min(low, end.x - half);
      high = Math.max(high, end.x + half);
    }
    if (length > 0) {
      for (let i = 0; i < 4; i++) {
        const p = corners[i]!;
        const q = corners[(i + 1) % 4]!;
        if (p.y === q.y || centre < Math.min(p.y, q.y) || centre > Math.max(p.y, q.y)) continue;
        const x = p.x + ((centre - p.y) / (q.y - p.y)) * (q.x - p.x);
        low = Math.min(low, x);
        high = Math.max(high, x);
      }
    }
    const x0 = Math.max(0, Math.ceil(low - 0.5 - 1e-9));
    const x1 = Math.min(width, Math.floor(high - 0.5 + 1e-9) + 1);
    if (x0 >= x1) continue;
    visit(y, x0, x1);
    if (!box) box = { y0: y, x0, y1: y + 1, x1 };
    else box = { y0: box.y0, x0: Math.min(box.x0, x0), y1: y + 1, x1: Math.max(box.x1, x1) };
  }
  return box;
}
