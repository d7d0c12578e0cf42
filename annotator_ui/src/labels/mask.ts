/** The pixels of one cell cut out of the map: what shapes are computed on. */

import type { LabelMap } from "./label-map";
import type { Over, Stroke } from "./stroke";

/** Ones and zeros, row-major, `rows` x `columns`; its first pixel is (y, x) of the map, and may lie outside of it. */
export interface Mask {
  readonly y: number;
  readonly x: number;
  readonly rows: number;
  readonly columns: number;
  readonly bits: Uint8Array;
}

/** Cell `id` with `margin` empty pixels around it; null where it is not in the map. Outside of the map nothing is. */
export function maskOf(map: LabelMap, id: number, margin = 1): Mask | null {
  const box = map.extent(id);
  if (!box) return null;
  const rows = box.y1 - box.y0 + 2 * margin;
  const columns = box.x1 - box.x0 + 2 * margin;
  const bits = new Uint8Array(rows * columns);
  for (let y = box.y0; y < box.y1; y++) {
    const from = y * map.width;
    const to = (y - box.y0 + margin) * columns + margin - box.x0;
    for (let x = box.x0; x < box.x1; x++) if (map.data[from + x] === id) bits[to + x] = 1;
  }
  return { y: box.y0 - margin, x: box.x0 - margin, rows, columns, bits };
}

/** Give the pixels of `mask` where `bits` is `value` the id `id`, as far as `over` allows. Returns the pixels written. */
export function paintMask(stroke: Stroke, mask: Mask, bits: ArrayLike<number>, value: number, id: number, over: Over): number {
  const { map } = stroke;
  let written = 0;
  for (let row = 0; row < mask.rows; row++) {
    const y = mask.y + row;
    if (y < 0 || y >= map.height) continue;
    for (let column = 0; column < mask.columns; ) {
      const start = column;
      while (column < mask.columns && bits[row * mask.columns + column] === value) column++;
      if (column > start) written += stroke.paintSpan(y, Math.max(0, mask.x + start), Math.min(map.width, mask.x + column), id, over);
      else column++;
    }
  }
  return written;
}
