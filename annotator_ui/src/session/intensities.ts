/** What a channel's values are, for the screen: 16-bit texels, a histogram, and a contrast that shows something. */

import type { Pixels } from "../api/zarr";

export const BINS = 128;

/** How raw values become texels: texel = (raw - low) * 65535 / (high - low); the identity for 8 and 16 bits. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The range a channel is shown in: what its type can hold for 8 bits, else the values it has. */
export function rangeOf(values: Pixels): Range {
  if (values instanceof Uint8Array) return { low: 0, high: 255 };
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(low < high)) return { low: Number.isFinite(low) ? low : 0, high: (Number.isFinite(low) ? low : 0) + 1 };
  return { low: values instanceof Uint16Array ? 0 : low, high };
}

/** Unsigned 16-bit texels; 8- and 16-bit images keep their values, others are scaled over `range`. */
export function toTexels(values: Pixels, range: Range): Uint16Array<ArrayBuffer> {
  // What is read is not written to: 16 bits are shown as they are.
  if (values instanceof Uint16Array) return values as Uint16Array<ArrayBuffer>;
  if (values instanceof Uint8Array) return new Uint16Array(values);
  const texels = new Uint16Array(values.length);
  const scale = 65535 / (range.high - range.low);
  for (let i = 0; i < values.length; i++) texels[i] = Math.max(0, Math.min(65535, (values[i]! - range.low) * scale));
  return texels;
}

/** A raw value as the texel it becomes. */
export function texelOf(values: Pixels, range: Range, raw: number): number {
  if (values instanceof Uint16Array || values instanceof Uint8Array) return raw;
  return ((raw - range.low) * 65535) / (range.high - range.low);
}

/** Values of a plane that are looked at where a sample says as much: enough for a picture 128 bins wide. */
const SAMPLE = 262_144;

/** Counts in `BINS` equal bins over `range`, of an even sample where the plane is large. */
export function histogram(values: Pixels, range: Range): Uint32Array {
  const bins = new Uint32Array(BINS);
  const scale = BINS / (range.high - range.low);
  const step = Math.floor(values.length / SAMPLE) | 1; // odd: not the same columns of every row
  for (let i = 0; i < values.length; i += step) bins[Math.max(0, Math.min(BINS - 1, Math.floor((values[i]! - range.low) * scale)))]!++;
  return bins;
}

/** The 0.3rd and 99.8th percentile of a sample: a contrast in which dim cells show and hot pixels do not rule. */
export function autoContrast(values: Pixels): Range {
  const step = Math.max(1, Math.floor(values.length / 65_536));
  const sample: number[] = [];
  for (let i = 0; i < values.length; i += step) sample.push(values[i]!);
  const sorted = Float64Array.from(sample).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  const low = at(0.003);
  const high = at(0.998);
  return high > low ? { low, high } : { low, high: low + 1 };
}
