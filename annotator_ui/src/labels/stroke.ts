/** One open change of the label map: tiles are copied when first written to, and compared when it ends. */

import { BACKGROUND, type LabelMap } from "./label-map";
import { rasterizeCapsule, type Point } from "./raster";
import { union, type Rect } from "./rect";
import { readTile, TILE, tileKey, toRuns, type Delta, type TileDelta } from "./tiles";

/** What a stroke may write over: only background, everything, or the pixels of one cell. */
export type Over = { readonly kind: "background" } | { readonly kind: "anything" } | { readonly kind: "cell"; readonly id: number };

export class Stroke {
  private readonly before = new Map<string, Uint32Array>();
  /** Bounding box of every pixel written so far. */
  box: Rect | null = null;

  constructor(readonly map: LabelMap) {}

  private keep(y: number, x: number): void {
    const key = tileKey(y, x);
    if (!this.before.has(key)) this.before.set(key, readTile(this.map, y, x));
  }

  /** Give row `y`, columns `x0..x1` (half-open) the id `id` where `over` allows. Returns the pixels written. */
  paintSpan(y: number, x0: number, x1: number, id: number, over: Over): number {
    const { map } = this;
    const row = y * map.width;
    let written = 0;
    let keptTo = -1;
    for (let x = x0; x < x1; x++) {
      const current = map.data[row + x]!;
      if (current === id) continue;
      if (over.kind === "background" ? current !== BACKGROUND : over.kind === "cell" && current !== over.id) continue;
      if (x >= keptTo) {
        const column = Math.floor(x / TILE);
        this.keep(Math.floor(y / TILE), column);
        keptTo = (column + 1) * TILE;
      }
      map.set(row + x, id);
      written++;
    }
    if (written > 0) this.box = union(this.box, { y0: y, x0, y1: y + 1, x1 });
    return written;
  }

  /** Paint everything within `radius` of the segment. Returns the box to redraw. */
  paintCapsule(from: Point, to: Point, radius: number, id: number, over: Over): Rect | null {
    return rasterizeCapsule(from, to, radius, this.map.height, this.map.width, (y, x0, x1) => {
      this.paintSpan(y, x0, x1, id, over);
    });
  }

  /** Give every pixel of cell `from` the id `to`. */
  replaceCell(from: number, to: number): void {
    const box = this.map.extent(from);
    if (!box) return;
    for (let y = box.y0; y < box.y1; y++) this.paintSpan(y, box.x0, box.x1, to, { kind: "cell", id: from });
  }

  /** Put everything back and begin anew, as a drag that changes its mind does. Returns the box to redraw. */
  reset(): Rect | null {
    const { box, map } = this;
    for (const [key, before] of this.before) {
      const [y, x] = key.split(",").map(Number) as [number, number];
      const rows = Math.min(TILE, map.height - y * TILE);
      const columns = Math.min(TILE, map.width - x * TILE);
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) map.set((y * TILE + row) * map.width + x * TILE + column, before[row * TILE + column]!);
    }
    this.before.clear();
    this.box = null;
    return box;
  }

  /** What changed, tile by tile in reading order; empty where the map is as it was. */
  finish(): Delta {
    const delta: TileDelta[] = [];
    for (const [key, before] of this.before) {
      const [y, x] = key.split(",").map(Number) as [number, number];
      const xor = readTile(this.map, y, x);
      for (let i = 0; i < xor.length; i++) xor[i] = xor[i]! ^ before[i]!;
      const runs = toRuns(xor);
      if (runs.length > 0) delta.push({ y, x, runs });
    }
    return delta.sort((a, b) => a.y - b.y || a.x - b.x);
  }
}
