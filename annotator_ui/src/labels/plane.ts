/** One channel's intensities, as tools look at them. */

import type { Pixel } from "./line";

/** Row-major, axes yx, 16 bits. */
export interface Plane {
  readonly height: number;
  readonly width: number;
  readonly texels: Uint16Array;
  /** The window it is shown in, texels: what "a tenth of the contrast" means. */
  readonly low: number;
  readonly high: number;
}

/**
 * The sum of the 3 x 3 pixels around (y, x), 0 to 589,815: nine times an intensity with less noise in it. Beyond the
 * border the nearest pixel counts again.
 */
export function sumAround({ texels, height, width }: Plane, y: number, x: number): number {
  const up = (y > 0 ? y - 1 : 0) * width;
  const here = y * width;
  const down = (y < height - 1 ? y + 1 : y) * width;
  const left = x > 0 ? x - 1 : 0;
  const right = x < width - 1 ? x + 1 : x;
  return (
    texels[up + left]! + texels[up + x]! + texels[up + right]! +
    texels[here + left]! + texels[here + x]! + texels[here + right]! +
    texels[down + left]! + texels[down + x]! + texels[down + right]!
  );
}

/** Half the side of the square that a threshold is taken from. */
export const REACH = 48;

/**
 * Otsu's threshold (1979) of the sums around the pixels of the square of 2 `REACH` + 1 pixels around `at`, cut to the
 * plane: over 256 equal steps from the least to the greatest, the lower border of the step at which the brighter side begins.
 */
export function localThreshold(plane: Plane, at: Pixel): number {
  const sums: number[] = [];
  for (let y = Math.max(0, at.y - REACH); y <= Math.min(plane.height - 1, at.y + REACH); y++)
    for (let x = Math.max(0, at.x - REACH); x <= Math.min(plane.width - 1, at.x + REACH); x++) sums.push(sumAround(plane, y, x));
  let low = Infinity;
  let high = -Infinity;
  for (const sum of sums) {
    if (sum < low) low = sum;
    if (sum > high) high = sum;
  }
  if (low === high) return high;
  const steps = 256;
  const counts = new Float64Array(steps);
  for (const sum of sums) counts[Math.min(steps - 1, Math.floor(((sum - low) * steps) / (high - low)))]!++;
  let total = 0;
  counts.forEach((count, step) => (total += count * step));
  let below = 0;
  let weight = 0;
  let best = -1;
  let at256 = 1;
  for (let step = 0; step < steps - 1; step++) {
    below += counts[step]!;
    weight += counts[step]! * step;
    const above = sums.length - below;
    if (below === 0 || above === 0) continue;
    const between = below * above * (weight / below - (total - weight) / above) ** 2;
    if (between > best) {
      best = between;
      at256 = step + 1;
    }
  }
  return low + (at256 * (high - low)) / steps;
}
