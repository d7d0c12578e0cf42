/** One cell's shape: holes, rough edges, a pixel more or less all around. Each leaves other cells as they are. */

import { fillEnclosed } from "./fill";
import { BACKGROUND } from "./label-map";
import { maskOf, paintMask, type Mask } from "./mask";
import type { Stroke } from "./stroke";

/** Fill the background that cell `id` encloses (pixels that share a side with their way out are not enclosed). */
export function fillHoles(stroke: Stroke, id: number): void {
  const box = stroke.map.extent(id);
  if (box) fillEnclosed(stroke, id, box, { kind: "background" });
}

/** Ones where at least one of the four neighbours, or the pixel itself, is one. */
function dilated({ bits, rows, columns }: Mask): Uint8Array {
  const out = new Uint8Array(bits.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      out[at] =
        bits[at] ||
        (row > 0 && bits[at - columns]) ||
        (row < rows - 1 && bits[at + columns]) ||
        (column > 0 && bits[at - 1]) ||
        (column < columns - 1 && bits[at + 1])
          ? 1
          : 0;
    }
  return out;
}

/** Background that shares a side with cell `id` becomes the cell. */
export function growCell(stroke: Stroke, id: number): void {
  const mask = maskOf(stroke.map, id);
  if (mask) paintMask(stroke, mask, dilated(mask), 1, id, { kind: "background" });
}

/** Pixels of cell `id` that share a side with what is not the cell become background; the image's border is no such side. A cell that would be gone stays. */
export function shrinkCell(stroke: Stroke, id: number): void {
  const { map } = stroke;
  const mask = maskOf(map, id);
  if (!mask) return;
  const { rows, columns, bits } = mask;
  const inMap = (at: number) => {
    const y = mask.y + Math.floor(at / columns);
    const x = mask.x + (at % columns);
    return y >= 0 && x >= 0 && y < map.height && x < map.width;
  };
  const rim = new Uint8Array(bits.length);
  let left = 0;
  for (let row = 1; row < rows - 1; row++)
    for (let column = 1; column < columns - 1; column++) {
      const at = row * columns + column;
      if (!bits[at]) continue;
      if ([at - columns, at - 1, at + 1, at + columns].some((other) => !bits[other] && inMap(other))) rim[at] = 1;
      else left++;
    }
  if (left > 0) paintMask(stroke, mask, rim, 1, BACKGROUND, { kind: "cell", id });
}

/** The disc of a smoothing: offsets within this many pixels. */
export const SMOOTHING = 2;
const DISC = Array.from({ length: (2 * SMOOTHING + 1) ** 2 }, (_, i) => ({
  dy: Math.floor(i / (2 * SMOOTHING + 1)) - SMOOTHING,
  dx: (i % (2 * SMOOTHING + 1)) - SMOOTHING,
})).filter(({ dy, dx }) => dy * dy + dx * dx <= SMOOTHING * SMOOTHING);

/**
 * A majority vote over the disc of radius `SMOOTHING` around each pixel: more than half of it in the cell, and the pixel is
 * too. Outside of the map nothing is. Only background is taken. A cell that would be gone stays as it is.
 */
export function smoothCell(stroke: Stroke, id: number): void {
  const mask = maskOf(stroke.map, id, 2 * SMOOTHING);
  if (!mask) return;
  const { rows, columns, bits } = mask;
  const smooth = new Uint8Array(bits.length);
  const lost = new Uint8Array(bits.length);
  let kept = 0;
  for (let row = SMOOTHING; row < rows - SMOOTHING; row++)
    for (let column = SMOOTHING; column < columns - SMOOTHING; column++) {
      const at = row * columns + column;
      let count = 0;
      for (const { dy, dx } of DISC) count += bits[at + dy * columns + dx]!;
      if (2 * count > DISC.length) {
        smooth[at] = 1;
        kept += bits[at]!;
      } else if (bits[at]) lost[at] = 1;
    }
  if (kept === 0) return;
  paintMask(stroke, mask, lost, 1, BACKGROUND, { kind: "cell", id });
  paintMask(stroke, mask, smooth, 1, id, { kind: "background" });
}
