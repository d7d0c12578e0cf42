/** The colour of a track, the same in the picture, in lists and in trails. */

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

/** `#rrggbb` */
export function trackColour(number: number): string {
  return `#${trackRgb(number).map((share) => Math.round(share * 255).toString(16).padStart(2, "0")).join("")}`;
}
