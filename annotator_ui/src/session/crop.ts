/** A piece of an image as people see it: channels in their colours and contrast, added up. */

import type { Pixels } from "../api/zarr";
import { around } from "../labels/boxes";

/** Half-open: rows y0..y1, columns x0..x1. */
export interface Box {
  readonly y0: number;
  readonly x0: number;
  readonly y1: number;
  readonly x1: number;
}

export interface Layer {
  readonly values: Pixels;
  /** `#rrggbb` */
  readonly colour: string;
  readonly low: number;
  readonly high: number;
  readonly gamma: number;
}

/** A square around `box` with what lies about it: twice its longer side, at least 48 pixels more; less in a smaller image. */
export function surround(box: Box, height: number, width: number): Box {
  const longer = Math.max(box.y1 - box.y0, box.x1 - box.x0);
  return around(box, longer + Math.max(48, longer), height, width);
}

/** `box` with a margin of a fifth of its longer side, at least 24 pixels, in its own shape: where the box holds all that matters. */
export function nearby(box: Box, height: number, width: number): Box {
  const margin = Math.max(24, Math.round(Math.max(box.y1 - box.y0, box.x1 - box.x0) / 5));
  return { y0: Math.max(0, box.y0 - margin), x0: Math.max(0, box.x0 - margin), y1: Math.min(height, box.y1 + margin), x1: Math.min(width, box.x1 + margin) };
}

function rgbOf(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/**
 * RGBA of `box`, row-major, (y1 - y0) * (x1 - x0) * 4 bytes.
 *
 * @param width columns of the whole plane that each layer's values are.
 */
export function compose(layers: readonly Layer[], width: number, box: Box): Uint8ClampedArray<ArrayBuffer> {
  const rows = box.y1 - box.y0;
  const columns = box.x1 - box.x0;
  const sums = new Float32Array(rows * columns * 3);
  for (const { values, colour, low, high, gamma } of layers) {
    const [red, green, blue] = rgbOf(colour);
    const scale = 1 / Math.max(high - low, 1e-12);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const shown = Math.min(1, Math.max(0, (values[(y + box.y0) * width + x + box.x0]! - low) * scale));
        const lit = gamma === 1 ? shown : shown ** gamma;
        const at = (y * columns + x) * 3;
        sums[at]! += lit * red;
        sums[at + 1]! += lit * green;
        sums[at + 2]! += lit * blue;
      }
    }
  }
  const rgba = new Uint8ClampedArray(rows * columns * 4);
  for (let i = 0, j = 0; i < sums.length; i += 3, j += 4) {
    rgba[j] = sums[i]!;
    rgba[j + 1] = sums[i + 1]!;
    rgba[j + 2] = sums[i + 2]!;
    rgba[j + 3] = 255;
  }
  return rgba;
}

/** The part of a row-major plane of `width` columns that lies in `box`, as uint32. */
export function cut(plane: ArrayLike<number>, width: number, box: Box): Uint32Array<ArrayBuffer> {
  const columns = box.x1 - box.x0;
  return Uint32Array.from({ length: (box.y1 - box.y0) * columns }, (_, i) => plane[(box.y0 + Math.floor(i / columns)) * width + box.x0 + (i % columns)]!);
}
