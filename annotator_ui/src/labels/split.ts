/** One cell becomes two or more: along a line, or between two points. */

import { components, FREE, growLabels } from "./components";
import { squaredDistances } from "./distance";
import { BACKGROUND, type LabelMap } from "./label-map";
import type { Pixel } from "./line";
import { maskOf, paintMask, type Mask } from "./mask";
import type { Stroke } from "./stroke";

/** The cell that most of `path` lies in (the lower id of two); background where it meets none. */
export function cellAlong(map: LabelMap, path: readonly Pixel[]): number {
  const counts = new Map<number, number>();
  for (const { y, x } of path) {
    const id = map.at(y, x);
    if (id !== BACKGROUND) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  let best = BACKGROUND;
  for (const [id, count] of counts) {
    const most = counts.get(best) ?? 0;
    if (count > most || (count === most && id < best)) best = id;
  }
  return best;
}

/** Write parts 1, 2, ... of `labels` as new cells; part 0 stays what it was. Returns the new ids. */
function writeParts(stroke: Stroke, mask: Mask, labels: Int32Array, parts: number, id: number): number[] {
  const first = stroke.map.nextId();
  return Array.from({ length: parts }, (_, k) => {
    paintMask(stroke, mask, labels, k + 1, first + k, { kind: "cell", id });
    return first + k;
  });
}

/**
 * Split the cell that most of `path` lies in. The path is taken out of the cell; of each connected part of the cell that
 * this leaves in several pieces, the largest piece (the first of equals, row by row) keeps the id and the others get
 * new ones in order. Then the path's own pixels go to the nearest piece by steps inside the cell, the lower id of
 * equals. Returns the new ids; none where the path does not cut through.
 */
export function splitAlong(stroke: Stroke, path: readonly Pixel[]): number[] {
  const { map } = stroke;
  const id = cellAlong(map, path);
  const mask = maskOf(map, id);
  if (!mask) return [];
  const { rows, columns, bits } = mask;
  const rest = bits.slice();
  for (const { y, x } of path) if (map.at(y, x) === id) rest[(y - mask.y) * columns + x - mask.x] = 0;
  const whole = components(bits, rows, columns);
  const pieces = components(rest, rows, columns);
  /** Of each part, its pieces. */
  const within = new Map<number, number[]>();
  const met = new Set<number>();
  pieces.labels.forEach((piece, at) => {
    if (piece === 0 || met.has(piece)) return;
    met.add(piece);
    const part = whole.labels[at]!;
    within.set(part, [...(within.get(part) ?? []), piece]);
  });
  const cut = new Set([...within].filter(([, some]) => some.length > 1).map(([part]) => part));
  if (cut.size === 0) return [];
  const kept = new Set([...cut].map((part) => within.get(part)!.reduce((best, piece) => (pieces.sizes[piece - 1]! > pieces.sizes[best - 1]! ? piece : best))));
  const renamed = [...met].filter((piece) => !kept.has(piece) && cut.has([...within].find(([, some]) => some.includes(piece))![0]));
  const partOf = new Map(renamed.sort((a, b) => a - b).map((piece, k) => [piece, k + 1]));
  const labels = new Int32Array(bits.length).fill(FREE);
  for (let at = 0; at < bits.length; at++) {
    if (!bits[at]) continue;
    if (!cut.has(whole.labels[at]!)) labels[at] = 0;
    else if (rest[at]) labels[at] = partOf.get(pieces.labels[at]!) ?? 0;
  }
  growLabels(labels, bits, columns);
  return writeParts(stroke, mask, labels, renamed.length, id);
}

/** The way uphill from `start`: always to the highest of eight neighbours, the first of equals row by row. */
function climb(start: number, height: Float64Array, columns: number): number[] {
  const way = [start];
  for (let at = start; ; ) {
    let best = at;
    for (const line of [-columns, 0, columns]) for (const step of [-1, 0, 1]) if (height[at + line + step]! > height[best]!) best = at + line + step;
    if (best === at) return way;
    way.push((at = best));
  }
}

/**
 * Split the cell under `a` between `a` and `b`, a pixel of the same cell: a watershed of the distance to the border of
 * the connected part, flooded from the two ways uphill; where both lead to one summit, each pixel goes to the nearer
 * point by steps inside the cell (`a` of equals). A part that `a` does not lie in becomes a cell as a whole. The side of
 * `b` gets the new id, which is returned; null where there is nothing to split.
 */
export function splitBetween(stroke: Stroke, a: Pixel, b: Pixel): number | null {
  const { map } = stroke;
  const id = map.at(a.y, a.x);
  if (id === BACKGROUND || map.at(b.y, b.x) !== id || (a.y === b.y && a.x === b.x)) return null;
  const mask = maskOf(map, id)!;
  const { rows, columns, bits } = mask;
  const [first, second] = [a, b].map(({ y, x }) => (y - mask.y) * columns + x - mask.x) as [number, number];
  const { labels: parts } = components(bits, rows, columns);
  if (parts[first] !== parts[second]) {
    const part = parts[second]!;
    return writeParts(stroke, mask, parts.map((label) => (label === part ? 1 : 0)), 1, id)[0]!;
  }
  const inside = Uint8Array.from(parts, (label) => (label === parts[first] ? 1 : 0));
  const height = squaredDistances(inside, rows, columns);
  const ways = [climb(first, height, columns), climb(second, height, columns)];
  const labels = new Int32Array(bits.length).fill(FREE);
  if (ways[0]!.at(-1) !== ways[1]!.at(-1)) {
    ways.forEach((way, side) => way.forEach((at) => (labels[at] = side)));
    growLabels(labels, height, columns);
  } else {
    labels[first] = 0;
    labels[second] = 1;
    growLabels(labels, inside, columns);
  }
  return writeParts(stroke, mask, labels, 1, id)[0]!;
}
