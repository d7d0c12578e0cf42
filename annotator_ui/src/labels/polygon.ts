/** From corners to pixels. */

import { BACKGROUND } from "./label-map";
import type { Point } from "./raster";
import type { Over, Stroke } from "./stroke";

/**
 * Rows of the pixels whose centres lie inside a closed polygon by the even-odd rule: `visit(y, x0, x1)`, half-open in x.
 * A side from p to q is crossed by row centre c where p.y <= c < q.y or q.y <= c < p.y; a centre on a crossing lies to its right.
 */
export function rasterizePolygon(corners: readonly Point[], height: number, width: number, visit: (y: number, x0: number, x1: number) => void): void {
  if (corners.length < 3) return;
  const ys = corners.map(({ y }) => y);
  const last = Math.min(height - 1, Math.ceil(Math.max(...ys)));
  for (let row = Math.max(0, Math.floor(Math.min(...ys)) - 1); row <= last; row++) {
    const centre = row + 0.5;
    const crossings: number[] = [];
    corners.forEach((p, i) => {
      const q = corners[(i + 1) % corners.length]!;
      if (p.y <= centre === q.y <= centre) return;
      crossings.push(p.x + ((centre - p.y) * (q.x - p.x)) / (q.y - p.y));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const x0 = Math.max(0, Math.ceil(crossings[i]! - 0.5));
      const x1 = Math.min(width, Math.ceil(crossings[i + 1]! - 0.5));
      if (x0 < x1) visit(row, x0, x1);
    }
  }
}

/** Give what lies inside of `corners` the id `id`, as far as `over` allows. */
export function fillPolygon(stroke: Stroke, corners: readonly Point[], id: number, over: Over): void {
  if (id === BACKGROUND && over.kind === "background") return;
  const { map } = stroke;
  rasterizePolygon(corners, map.height, map.width, (y, x0, x1) => void stroke.paintSpan(y, x0, x1, id, over));
}
