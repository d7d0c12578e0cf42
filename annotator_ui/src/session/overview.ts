/** A small picture of a whole level, as people see it: for finding the way in the large one. */

import type { Pixels } from "../api/zarr";
import { compose } from "./crop";
import type { PictureLevel } from "./picture";

export interface Overview {
  readonly height: number;
  readonly width: number;
  /** Row-major, 4 bytes a pixel. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** Every n-th pixel of `level`, so that neither side is longer than `side`; channels that are hidden are left out. */
export function overviewOf(level: PictureLevel, side: number, inverted = false): Overview {
  const step = Math.max(1, Math.ceil(Math.max(level.height, level.width) / side));
  const height = Math.ceil(level.height / step);
  const width = Math.ceil(level.width / step);
  const layers = level.channels.flatMap(({ display, values }) => {
    const { visible, colour, low, high, gamma } = display.value;
    return visible ? [{ values: thinned(values, level, step, height, width), colour, low, high, gamma }] : [];
  });
  const rgba = compose(layers, width, { y0: 0, x0: 0, y1: height, x1: width });
  if (inverted) for (let i = 0; i < rgba.length; i++) if (i % 4 !== 3) rgba[i] = 255 - rgba[i]!;
  return { height, width, rgba };
}

function thinned(values: Pixels, level: PictureLevel, step: number, height: number, width: number): Float32Array {
  const few = new Float32Array(height * width);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) few[y * width + x] = values[y * step * level.width + x * step]!;
  return few;
}
