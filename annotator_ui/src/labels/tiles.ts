/** The label map cut into tiles of 128 x 128 pixels: the unit of undo, of versions and of the wire. */

import type { LabelMap } from "./label-map";

export const TILE = 128;
export const TILE_PIXELS = TILE * TILE;

export interface TileAt {
  /** Tile row and tile column, counted in tiles. */
  readonly y: number;
  readonly x: number;
}

/** The change of one tile as runs: triples (first pixel in the tile, number of pixels, old XOR new). */
export interface TileDelta extends TileAt {
  readonly runs: Uint32Array;
}

/** The change of one stroke. Applying it twice changes nothing: undo is the same XOR again. */
export type Delta = readonly TileDelta[];

export const tileKey = (y: number, x: number): string => `${y},${x}`;

/** Tile (y, x) of `map`, row-major; zeros beyond the right and lower border. */
export function readTile(map: LabelMap, y: number, x: number): Uint32Array<ArrayBuffer> {
  const tile = new Uint32Array(TILE_PIXELS);
  const columns = Math.min(TILE, map.width - x * TILE);
  const rows = Math.min(TILE, map.height - y * TILE);
  for (let row = 0; row < rows; row++) {
    const start = (y * TILE + row) * map.width + x * TILE;
    tile.set(map.data.subarray(start, start + columns), row * TILE);
  }
  return tile;
}

/** Runs of equal, non-zero XOR in a whole tile of 16,384 pixels. */
export function toRuns(xor: Uint32Array): Uint32Array {
  const runs: number[] = [];
  for (let i = 0; i < xor.length; ) {
    const value = xor[i]!;
    const start = i;
    while (i < xor.length && xor[i] === value) i++;
    if (value !== 0) runs.push(start, i - start, value);
  }
  return Uint32Array.from(runs);
}

/** The whole tile's XOR, 16,384 pixels, from its runs. */
export function fromRuns(runs: Uint32Array): Uint32Array<ArrayBuffer> {
  const xor = new Uint32Array(TILE_PIXELS);
  for (let i = 0; i < runs.length; i += 3) xor.fill(runs[i + 2]!, runs[i]!, runs[i]! + runs[i + 1]!);
  return xor;
}

/** Visit each changed pixel of a tile that lies in the map: its index in the map and its XOR. */
export function eachPixel(map: LabelMap, tile: TileDelta, visit: (index: number, xor: number) => void): void {
  const top = tile.y * TILE;
  const left = tile.x * TILE;
  for (let i = 0; i < tile.runs.length; i += 3) {
    const start = tile.runs[i]!;
    const end = start + tile.runs[i + 1]!;
    const xor = tile.runs[i + 2]!;
    for (let p = start; p < end; p++) {
      const row = top + (p >>> 7);
      const column = left + (p & (TILE - 1));
      if (row < map.height && column < map.width) visit(row * map.width + column, xor);
    }
  }
}

/** XOR `delta` into `map`. */
export function applyDelta(map: LabelMap, delta: Delta): void {
  for (const tile of delta) eachPixel(map, tile, (index, xor) => map.set(index, (map.data[index]! ^ xor) >>> 0));
}

export function sameDelta(a: Delta, b: Delta): boolean {
  return (
    a.length === b.length &&
    a.every((tile, i) => {
      const other = b[i]!;
      return (
        tile.y === other.y &&
        tile.x === other.x &&
        tile.runs.length === other.runs.length &&
        tile.runs.every((value, j) => value === other.runs[j])
      );
    })
  );
}

/** How many edits have touched each tile: what the server checks before it accepts the next. */
export class TileVersions {
  private readonly versions: Map<string, number>;

  constructor(versions: Readonly<Record<string, number>> = {}) {
    this.versions = new Map(Object.entries(versions));
  }

  get(at: TileAt): number {
    return this.versions.get(tileKey(at.y, at.x)) ?? 0;
  }

  /** Count one more edit on each of `tiles`. */
  bump(tiles: readonly TileAt[]): void {
    for (const tile of tiles) this.versions.set(tileKey(tile.y, tile.x), this.get(tile) + 1);
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries(this.versions);
  }
}
