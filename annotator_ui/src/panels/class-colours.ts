/** One colour a class, the same wherever a class is shown. Okabe and Ito's palette for colour-blind readers, lightened for dark ground. */

const COLOURS = ["#56b4e9", "#f0a830", "#35c49a", "#f5e663", "#6f9bf0", "#ec7a3c", "#dd8fbf", "#b9c2ca"] as const;

/** The colour of the class at `index` of the ontology (from 0) as `#rrggbb`; after eight, hues a golden angle apart. */
export function classColour(index: number): string {
  return COLOURS[index] ?? hex((index * 137.508) % 360, 0.65, 0.68);
}

/** HSL to `#rrggbb`: hue in degrees, the others 0 to 1. */
function hex(hue: number, saturation: number, lightness: number): string {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const part = (n: number) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return `#${[0, 8, 4].map((n) => part(n).toString(16).padStart(2, "0")).join("")}`;
}
