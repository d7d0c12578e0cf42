/** Small movies in words: each frame a list of cells, and links between them. */

import { keyOf, type Cell, type Detections as Movie, Detections } from "../../src/lineage/cells";
import { Lineage, TrackNumbers, type Track } from "../../src/lineage/lineage";
import type { Changes } from "../../src/lineage/operations";

export const HEIGHT = 200;
export const WIDTH = 200;

export function cell(frame: number, id: number, y: number, x: number, half = 5): Cell {
  return { key: keyOf(frame, id), frame, id, y, x, area: (2 * half) ** 2, box: { y0: y - half, x0: x - half, y1: y + half, x1: x + half } };
}

/** A movie with the cells named; where nothing is said cell `id` lies at (50, 40 * id). */
export function movie(frames: number, cells: Cell[]): Movie {
  const read = new Map<number, Cell[]>(Array.from({ length: frames }, (_, frame) => [frame, []]));
  for (const each of cells) read.get(each.frame)!.push(each);
  return Detections.empty(frames, HEIGHT, WIDTH).with(read);
}

export function cellsAt(counts: readonly number[]): Cell[] {
  return counts.flatMap((count, frame) => Array.from({ length: count }, (_, i) => cell(frame, i + 1, 50, 20 + 40 * i)));
}

export type Told = Record<string, string>;

export function lineageOf(counts: readonly number[], links: Told, numbers?: TrackNumbers): Lineage {
  return new Lineage(movie(counts.length, cellsAt(counts)), new Map(Object.entries(links)), numbers);
}

export function after(links: Told, changes: Changes): Told {
  const next = { ...links };
  for (const [child, parent] of Object.entries(changes)) {
    if (parent === null) delete next[child];
    else next[child] = parent;
  }
  return next;
}

/** A track as its cells. */
export function path(track: Track | null): string {
  return track?.cells.map(({ key }) => key).join(" ") ?? "";
}

/** All tracks as their cells. */
export function paths(lineage: Lineage): string[] {
  return lineage.tracks.map(path).sort();
}
