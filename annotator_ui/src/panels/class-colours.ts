/** One colour a class, the same wherever a class is shown. Okabe and Ito's palette for colour-blind readers, lightened for dark ground. */

const COLOURS = ["#56b4e9", "#f0a830", "#35c49a", "#f5e663", "#6f9bf0", "#ec7a3c", "#dd8fbf", "#b9c2ca"] as const;

/** The colour of the class at `index` of the ontology (from 0); after eight, hues a golden angle apart. */
export function classColour(index: number): string {
  return COLOURS[index] ?? `hsl(${Math.round((index * 137.508) % 360)} 65% 68%)`;
}
