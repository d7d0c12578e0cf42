/** Where the cells of a label map lie. */

import { BACKGROUND, type LabelMap } from "./label-map";
import type { Rect } from "./rect";

/** The smallest rectangle around each cell, by id. */
export function boxesOf(map: LabelMap): Map<number, Rect> {
  const boxes = new Map<number, { y0: number; x0: number; y1: number; x1: number }>();
  const { data, width, height } = map;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const id = data[y * width + x]!;
      const start = x;
      while (x < width && data[y * width + x] === id) x++;
      if (id === BACKGROUND) continue;
      const box = boxes.get(id);
      if (!box) boxes.set(id, { y0: y, x0: start, y1: y + 1, x1: x });
      else {
        box.y1 = y + 1;
        box.x0 = Math.min(box.x0, start);
        box.x1 = Math.max(box.x1, x);
      }
    }
  }
  return boxes;
}

/** The side of a square that holds most boxes with some room: half as long again as nine in ten of them are. */
export function squareFor(boxes: readonly Rect[]): number {
  const sides = boxes.map((box) => Math.max(box.y1 - box.y0, box.x1 - box.x0)).sort((a, b) => a - b);
  const long = sides[Math.min(sides.length - 1, Math.floor(0.9 * sides.length))] ?? 32;
  return Math.max(12, Math.round(long * 1.5));
}

function span(from: number, to: number, size: number, limit: number): [number, number] {
  const length = Math.min(limit, Math.max(size, to - from));
  const start = Math.min(limit - length, Math.max(0, Math.round((from + to - length) / 2)));
  return [start, start + length];
}

/** A rectangle of at least `side` around `box`, moved inwards at the border of a plane of `height` x `width`. */
export function around(box: Rect, side: number, height: number, width: number): Rect {
  const [y0, y1] = span(box.y0, box.y1, side, height);
  const [x0, x1] = span(box.x0, box.x1, side, width);
  return { y0, x0, y1, x1 };
}
