/** Lines of pixels. */

import type { LabelMap } from "./label-map";

/** Row and column of a pixel; whole numbers. */
export interface Pixel {
  readonly y: number;
  readonly x: number;
}

/**
 * The pixels from `a` to `b`, both included: with n the longer of height and width, n + 1 points at even distances, each
 * rounded (halves up). Neighbours share a side or a corner.
 */
export function linePixels(a: Pixel, b: Pixel): Pixel[] {
  const dy = b.y - a.y;
  const dx = b.x - a.x;
  const n = Math.max(Math.abs(dy), Math.abs(dx));
  if (n === 0) return [{ y: a.y, x: a.x }];
  return Array.from({ length: n + 1 }, (_, i) => ({
    y: a.y + Math.floor((2 * i * dy + n) / (2 * n)),
    x: a.x + Math.floor((2 * i * dx + n) / (2 * n)),
  }));
}

/** The pixels along `corners`, corner to corner. */
export function pathPixels(corners: readonly Pixel[]): Pixel[] {
  return corners.flatMap((corner, i) => (i === 0 ? linePixels(corner, corner) : linePixels(corners[i - 1]!, corner).slice(1)));
}

/** The pixel that a point of continuous coordinates lies in. */
export function pixelAt({ y, x }: { readonly y: number; readonly x: number }): Pixel {
  return { y: Math.floor(y), x: Math.floor(x) };
}

/** The cells that `path` runs over, in order, each once; 0 is left out. */
export function cellsAlong(map: LabelMap, path: readonly Pixel[]): number[] {
  return [...new Set(path.map(({ y, x }) => map.at(y, x)))].filter((id) => id !== 0);
}
