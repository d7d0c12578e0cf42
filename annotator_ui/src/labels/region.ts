/** Regions grown on the image: the pixels around a point that are like it. */

import { fillEnclosed } from "./fill";
import { BACKGROUND } from "./label-map";
import type { Pixel } from "./line";
import { sumAround, type Plane } from "./plane";
import type { Over, Stroke } from "./stroke";

/** A region with more pixels has run out into the background, and is none. */
export const LARGEST_REGION = 400_000;

function allowed(over: Over, now: number, id: number): boolean {
  if (now === id || over.kind === "anything") return true;
  return over.kind === "background" ? now === BACKGROUND : now === over.id;
}

/**
 * Give the pixels that are joined to `seed` side by side, are `like` (asked of the sum of their 3 x 3 neighbourhood), and may be
 * written over, the id `id`; with `fill`, what they enclose too. Returns their number; 0 where `seed` itself may not be taken or where the
 * region is larger than `LARGEST_REGION`, and then nothing is written.
 */
export function growRegion(stroke: Stroke, plane: Plane, seed: Pixel, id: number, over: Over, fill: boolean, like: (sum: number) => boolean): number {
  const { map } = stroke;
  const { width, height } = map;
  if (seed.y < 0 || seed.x < 0 || seed.y >= height || seed.x >= width || plane.height !== height || plane.width !== width) return 0;
  const TAKEN = 1;
  const LOOKED_AT = 2;
  const seen = new Uint8Array(height * width);
  const queue: number[] = [];
  const box = { y0: seed.y, x0: seed.x, y1: seed.y + 1, x1: seed.x + 1 };
  let size = 0;
  const reach = (y: number, x: number) => {
    const at = y * width + x;
    if (seen[at]) return;
    const taken = allowed(over, map.data[at]!, id) && like(sumAround(plane, y, x));
    seen[at] = taken ? TAKEN : LOOKED_AT;
    if (!taken) return;
    queue.push(at);
    size++;
    if (y < box.y0) box.y0 = y;
    if (y >= box.y1) box.y1 = y + 1;
    if (x < box.x0) box.x0 = x;
    if (x >= box.x1) box.x1 = x + 1;
  };
  reach(seed.y, seed.x);
  while (queue.length > 0) {
    const at = queue.pop()!;
    const y = Math.floor(at / width);
    const x = at - y * width;
    if (y > 0) reach(y - 1, x);
    if (x > 0) reach(y, x - 1);
    if (x < width - 1) reach(y, x + 1);
    if (y < height - 1) reach(y + 1, x);
    if (size > LARGEST_REGION) return 0;
  }
  for (let y = box.y0; y < box.y1; y++)
    for (let x = box.x0; x < box.x1; x++) {
      const start = x;
      while (x < box.x1 && seen[y * width + x] === TAKEN) x++;
      if (x > start) stroke.paintSpan(y, start, x, id, over);
    }
  if (fill && stroke.box) fillEnclosed(stroke, id, stroke.box, over);
  return size;
}

/** Pixels whose intensity differs from that at `seed` by at most `tolerance` (texels; each the mean of 3 x 3). */
export function growSimilar(stroke: Stroke, plane: Plane, seed: Pixel, tolerance: number, id: number, over: Over, fill: boolean): number {
  const middle = sumAround(plane, seed.y, seed.x);
  return growRegion(stroke, plane, seed, id, over, fill, (sum) => Math.abs(sum - middle) <= 9 * tolerance);
}

/** Pixels on the same side of `level` (of the sums of 3 x 3) as `seed`: bright cells on dark ground, or dark ones on bright. */
export function growAcross(stroke: Stroke, plane: Plane, seed: Pixel, level: number, id: number, over: Over, fill: boolean): number {
  const bright = sumAround(plane, seed.y, seed.x) >= level;
  return growRegion(stroke, plane, seed, id, over, fill, (sum) => sum >= level === bright);
}
