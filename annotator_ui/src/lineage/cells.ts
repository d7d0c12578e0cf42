/** The given detections of a movie: which cells each frame has, and where they lie. */

import type { Rect } from "../labels/rect";

/** A cell in a frame, `"frame:id"`: frames count from 0, ids are those of the frame's mask. */
export type Key = string;

export interface Cell {
  readonly key: Key;
  readonly frame: number;
  readonly id: number;
  /** Centroid, image pixels; pixel (i, j) has its centre at (i + 0.5, j + 0.5). */
  readonly y: number;
  readonly x: number;
  /** Pixels. */
  readonly area: number;
  readonly box: Rect;
}

export function keyOf(frame: number, id: number): Key {
  return `${frame}:${id}`;
}

export function frameOf(key: Key): number {
  return Number(key.slice(0, key.indexOf(":")));
}

export function idOf(key: Key): number {
  return Number(key.slice(key.indexOf(":") + 1));
}

/** The cells of one frame by id. `labels`: row-major `height * width` ids, 0 is background. */
export function measureFrame(frame: number, labels: ArrayLike<number>, height: number, width: number): Cell[] {
  interface Sum {
    area: number;
    y: number;
    x: number;
    y0: number;
    x0: number;
    y1: number;
    x1: number;
  }
  const sums = new Map<number, Sum>();
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; ) {
      const id = labels[row + x]!;
      const start = x;
      do x++;
      while (x < width && labels[row + x] === id);
      if (id === 0) continue;
      let sum = sums.get(id);
      if (!sum) sums.set(id, (sum = { area: 0, y: 0, x: 0, y0: y, x0: start, y1: y + 1, x1: x }));
      const count = x - start;
      sum.area += count;
      sum.y += count * (y + 0.5);
      sum.x += (count * (start + x)) / 2;
      sum.y1 = y + 1;
      if (start < sum.x0) sum.x0 = start;
      if (x > sum.x1) sum.x1 = x;
    }
  }
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([id, { area, y, x, y0, x0, y1, x1 }]) => ({ key: keyOf(frame, id), frame, id, y: y / area, x: x / area, area, box: { y0, x0, y1, x1 } }));
}

/** The cells of a movie, as far as its frames have been read. Never changed: `with` gives a new one. */
export class Detections {
  private constructor(
    readonly height: number,
    readonly width: number,
    private readonly frames: readonly (readonly Cell[] | null)[],
    private readonly byKey: Map<Key, Cell>,
  ) {}

  static empty(frames: number, height: number, width: number): Detections {
    return new Detections(height, width, new Array<null>(frames).fill(null), new Map());
  }

  /** These and the cells of further frames. */
  with(read: ReadonlyMap<number, readonly Cell[]>): Detections {
    const frames = this.frames.slice();
    const byKey = new Map(this.byKey);
    for (const [frame, cells] of read) {
      frames[frame] = cells;
      for (const cell of cells) byKey.set(cell.key, cell);
    }
    return new Detections(this.height, this.width, frames, byKey);
  }

  get frameCount(): number {
    return this.frames.length;
  }

  /** How many frames have been read. */
  get measured(): number {
    return this.frames.reduce((count, cells) => count + (cells ? 1 : 0), 0);
  }

  get complete(): boolean {
    return this.frames.every((cells) => cells !== null);
  }

  get count(): number {
    return this.byKey.size;
  }

  get(key: Key): Cell | undefined {
    return this.byKey.get(key);
  }

  /** Where the cell with an id stands in `at(frame)`; -1 where there is none. */
  placeOf(frame: number, id: number): number {
    const cells = this.at(frame);
    if (cells[id - 1]?.id === id) return id - 1; // ids are usually 1 to n
    let low = 0;
    let high = cells.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const there = cells[middle]!.id;
      if (there === id) return middle;
      if (there < id) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** The cells of a frame by id; none where it has not been read. */
  at(frame: number): readonly Cell[] {
    return this.frames[frame] ?? [];
  }
}
