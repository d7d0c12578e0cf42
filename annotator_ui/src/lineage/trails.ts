/** Where cells came from: the paths of the last frames, ready to be drawn. */

import type { Cell } from "./cells";
import { cellIn, lastUpTo, type Lineage, type Track } from "./lineage";

export interface Trail {
  readonly track: Track;
  /** From the oldest to the newest; the first may be the mother's last cell. */
  readonly path: readonly Cell[];
}

/** Trails of all tracks seen in the last `length` frames up to `frame`. A track that has ended fades with its trail. */
export function trails(lineage: Lineage, frame: number, length: number): Trail[] {
  const found: Trail[] = [];
  const from = frame - length;
  for (const track of lineage.tracks) {
    if (track.begin > frame) break; // they come by begin
    if (track.end < from) continue;
    const path: Cell[] = [];
    const mother = lineage.parentOf(track.cells[0]!.key);
    if (mother && mother.frame >= from) path.push(mother);
    for (const cell of track.cells) {
      if (cell.frame > frame) break;
      if (cell.frame >= from) path.push(cell);
    }
    if (path.length > 1) found.push({ track, path });
  }
  return found;
}

/** The cell in which a track is nearest to `frame`: in it, before it, else its first. */
export function nearestCell(track: Track, frame: number): Cell {
  return cellIn(track, frame) ?? lastUpTo(track, frame) ?? track.cells[0]!;
}

/** The cell of `cells` that lies next to `from` in a direction (of 90 degrees); null where none does. */
export function neighbour(cells: readonly Cell[], from: { y: number; x: number }, dy: number, dx: number): Cell | null {
  let best: Cell | null = null;
  let cost = Infinity;
  for (const cell of cells) {
    const along = (cell.y - from.y) * dy + (cell.x - from.x) * dx;
    const across = Math.abs((cell.y - from.y) * dx - (cell.x - from.x) * dy);
    if (along <= 0.5 || across > along) continue;
    const here = along + 1.5 * across;
    if (here < cost) [best, cost] = [cell, here];
  }
  return best;
}

/** The cell whose centroid is nearest to a point; null where there is none. */
export function nearest(cells: readonly Cell[], to: { y: number; x: number }): Cell | null {
  let best: Cell | null = null;
  let least = Infinity;
  for (const cell of cells) {
    const distance = (cell.y - to.y) ** 2 + (cell.x - to.x) ** 2;
    if (distance < least) [best, least] = [cell, distance];
  }
  return best;
}
