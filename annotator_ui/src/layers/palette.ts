/** Colours by id: what a label means rather than which cell it is. */

/** Id -> `#rrggbb` or `hsl(h s% l%)`; ids that are not in it are not drawn. */
export type Palette = ReadonlyMap<number, string>;

/** Red, green, blue, 0 to 255. White where the colour is written otherwise. */
export function rgbOf(colour: string): [number, number, number] {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour);
  if (hex) {
    const value = Number.parseInt(hex[1]!, 16);
    return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
  }
  const hsl = /^hsl\(\s*([\d.]+)(?:deg)?[\s,]+([\d.]+)%[\s,]+([\d.]+)%\s*\)$/i.exec(colour);
  if (!hsl) return [255, 255, 255];
  const [hue, saturation, lightness] = [Number(hsl[1]), Number(hsl[2]) / 100, Number(hsl[3]) / 100];
  const spread = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - spread * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** RGBA of ids 0, 1, ... in rows of `columns`; alpha 0 where the palette has no colour. */
export function lookupOf(palette: Palette, columns: number): { rows: number; data: Uint8Array<ArrayBuffer> } {
  const known = [...palette].filter(([id]) => id >= 0 && id < columns * columns);
  const rows = Math.floor(known.reduce((most, [id]) => Math.max(most, id), 0) / columns) + 1;
  const data = new Uint8Array(rows * columns * 4);
  for (const [id, colour] of known) data.set([...rgbOf(colour), 255], id * 4);
  return { rows, data };
}
