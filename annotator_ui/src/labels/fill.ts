/** Fills: a circled region, and the connected region under a point. 4-connected, so an 8-connected outline holds. */

import { BACKGROUND } from "./label-map";
import type { Over, Stroke } from "./stroke";
import { clip, type Rect } from "./rect";

/**
 * Fill with `id` what cell `id` encloses inside `within`: pixels that cannot leave the rectangle without crossing the cell.
 * Returns the number of pixels written.
 */
export function fillEnclosed(stroke: Stroke, id: number, within: Rect, over: Over): number {
  const { map } = stroke;
  const rect = clip(within, map.height, map.width, 1);
  if (!rect) return 0;
  const rows = rect.y1 - rect.y0;
  const columns = rect.x1 - rect.x0;
  const outside = new Uint8Array(rows * columns);
  const queue = new Int32Array(rows * columns);
  let tail = 0;
  const reach = (row: number, column: number): void => {
    const at = row * columns + column;
    if (outside[at] || map.data[(rect.y0 + row) * map.width + rect.x0 + column] === id) return;
    outside[at] = 1;
    queue[tail++] = at;
  };
  for (let column = 0; column < columns; column++) {
    reach(0, column);
    reach(rows - 1, column);
  }
  for (let row = 0; row < rows; row++) {
    reach(row, 0);
    reach(row, columns - 1);
  }
  for (let head = 0; head < tail; head++) {
    const at = queue[head]!;
    const row = Math.floor(at / columns);
    const column = at - row * columns;
    if (row > 0) reach(row - 1, column);
    if (row < rows - 1) reach(row + 1, column);
    if (column > 0) reach(row, column - 1);
    if (column < columns - 1) reach(row, column + 1);
  }
  let written = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; ) {
      const start = column;
      while (column < columns && !outside[row * columns + column]) column++;
      if (column > start) written += stroke.paintSpan(rect.y0 + row, rect.x0 + start, rect.x0 + column, id, over);
      else column++;
    }
  }
  return written;
}

/** Fill with `id` the connected region that has the same value as pixel (y, x). Returns the pixels written. */
export function fillRegion(stroke: Stroke, y: number, x: number, id: number): number {
  const { map } = stroke;
  if (y < 0 || x < 0 || y >= map.height || x >= map.width) return 0;
  const from = map.at(y, x);
  if (from === id) return 0;
  const over: Over = from === BACKGROUND ? { kind: "background" } : { kind: "cell", id: from };
  const queue: number[] = [y * map.width + x];
  let written = 0;
  while (queue.length > 0) {
    const at = queue.pop()!;
    if (map.data[at] !== from) continue;
    const row = Math.floor(at / map.width);
    const base = row * map.width;
    let x0 = at - base;
    let x1 = x0 + 1;
    while (x0 > 0 && map.data[base + x0 - 1] === from) x0--;
    while (x1 < map.width && map.data[base + x1] === from) x1++;
    written += stroke.paintSpan(row, x0, x1, id, over);
    for (const next of [row - 1, row + 1]) {
      if (next < 0 || next >= map.height) continue;
      for (let column = x0; column < x1; column++) {
        const index = next * map.width + column;
        if (map.data[index] === from && (column === x0 || map.data[index - 1] !== from)) queue.push(index);
      }
    }
  }
  return written;
}
