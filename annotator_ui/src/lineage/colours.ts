/** The colour of a track, the same in lists and trails as the label layer's shader gives to its number. */

export type Rgb = readonly [number, number, number];

/** 0 to 1 a channel. Neighbouring numbers lie a golden ratio apart on the colour circle. */
export function trackRgb(number: number): Rgb {
  const hue = (Math.imul(number, 2654435769) >>> 8) / 16777216;
  const wheel = [0, 4, 2].map((shift) => Math.min(1, Math.max(0, Math.abs(((hue * 6 + shift) % 6) - 3) - 1))) as [number, number, number];
  // Towards white until blue is as easy to see on black as green is.
  const light = wheel[0] * 0.21 + wheel[1] * 0.72 + wheel[2] * 0.07;
  const white = 0.5 + (0.12 - 0.5) * light;
  return [wheel[0] + (1 - wheel[0]) * white, wheel[1] + (1 - wheel[1]) * white, wheel[2] + (1 - wheel[2]) * white];
}

export function trackColour(number: number, alpha = 1): string {
  const [r, g, b] = trackRgb(number).map((share) => Math.round(share * 255));
  return alpha === 1 ? `rgb(${r} ${g} ${b})` : `rgb(${r} ${g} ${b} / ${alpha})`;
}

/** A frame's mask with each cell's pixels showing its track's number instead of its id. `numbers`: by id. */
export function recolour(labels: ArrayLike<number>, numbers: ReadonlyMap<number, number>): Uint32Array<ArrayBuffer> {
  const most = Math.max(0, ...numbers.keys());
  const lookup = new Uint32Array(most + 1);
  for (const [id, number] of numbers) lookup[id] = number;
  const result = new Uint32Array(labels.length);
  for (let i = 0; i < result.length; i++) {
    const id = labels[i]!;
    if (id !== 0 && id <= most) result[i] = lookup[id]!;
  }
  return result;
}
