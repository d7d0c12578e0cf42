/** Colours by id: what a label means rather than which cell it is. */

/** Id -> `#rrggbb`; ids that are not in it are not drawn. */
export type Palette = ReadonlyMap<number, string>;

function rgbOf(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** RGBA of ids 0, 1, ... in rows of `columns`; alpha 0 where the palette has no colour. */
export function lookupOf(palette: Palette, columns: number): { rows: number; data: Uint8Array<ArrayBuffer> } {
  const known = [...palette].filter(([id]) => id >= 0 && id < columns * columns);
  const rows = Math.floor(known.reduce((most, [id]) => Math.max(most, id), 0) / columns) + 1;
  const data = new Uint8Array(rows * columns * 4);
  for (const [id, colour] of known) data.set([...rgbOf(colour), 255], id * 4);
  return { rows, data };
}
