/** The truth of the picture being drawn: one id per pixel, how many pixels each cell has, and where it lies. */

import type { Rect } from "./rect";

/** Ids are uint32; 0 is background. */
export const BACKGROUND = 0;

interface Known {
  area: number;
  /** A rectangle that holds the cell; it grows with each pixel, and is drawn tight when somebody asks. */
  y0: number;
  x0: number;
  y1: number;
  x1: number;
}

export class LabelMap {
  /** Row-major, axes yx, `height * width` ids. */
  readonly data: Uint32Array<ArrayBuffer>;
  private readonly cells = new Map<number, Known>();
  private largest = 0;

  /** @throws RangeError where `data` is not `height * width` long. */
  constructor(
    readonly height: number,
    readonly width: number,
    data?: Uint32Array<ArrayBuffer>,
  ) {
    if (data && data.length !== height * width)
      throw new RangeError(`a label map of ${height} x ${width} has ${height * width} pixels, got ${data.length}`);
    this.data = data ?? new Uint32Array(height * width);
    if (data) this.count();
  }

  private count(): void {
    const { data, width, height } = this;
    for (let y = 0; y < height; y++) {
      const end = (y + 1) * width;
      for (let i = y * width; i < end; ) {
        const id = data[i]!;
        const start = i;
        while (i < end && data[i] === id) i++;
        if (id !== BACKGROUND) this.add(id, y, start - y * width, i - y * width);
      }
    }
  }

  /** Columns `x0..x1` of row `y` belong to cell `id` now. */
  private add(id: number, y: number, x0: number, x1: number): void {
    const known = this.cells.get(id);
    if (!known) {
      this.cells.set(id, { area: x1 - x0, y0: y, x0, y1: y + 1, x1 });
      if (id > this.largest) this.largest = id;
      return;
    }
    known.area += x1 - x0;
    if (y < known.y0) known.y0 = y;
    if (y >= known.y1) known.y1 = y + 1;
    if (x0 < known.x0) known.x0 = x0;
    if (x1 > known.x1) known.x1 = x1;
  }

  /** The id at row `y`, column `x`; background outside the map. */
  at(y: number, x: number): number {
    if (y < 0 || x < 0 || y >= this.height || x >= this.width) return BACKGROUND;
    return this.data[y * this.width + x]!;
  }

  /** Give the pixel at `index` (row-major) the id `id`. Keeps the areas right: every write goes through here. */
  set(index: number, id: number): void {
    const before = this.data[index]!;
    if (before === id) return;
    this.data[index] = id;
    if (before !== BACKGROUND && --this.cells.get(before)!.area === 0) this.cells.delete(before);
    if (id !== BACKGROUND) {
      const y = Math.floor(index / this.width);
      const x = index - y * this.width;
      this.add(id, y, x, x + 1);
    }
  }

  /** Pixels of cell `id`; 0 where it is not in the map. */
  area(id: number): number {
    return this.cells.get(id)?.area ?? 0;
  }

  /** The smallest rectangle around cell `id`; null where it is not in the map. Looks at the pixels near the cell only. */
  extent(id: number): Rect | null {
    const known = this.cells.get(id);
    if (!known) return null;
    const { data, width } = this;
    const tight = { y0: Infinity, x0: Infinity, y1: -1, x1: -1 };
    for (let y = known.y0; y < known.y1; y++) {
      const row = y * width;
      let x = known.x0;
      while (x < known.x1 && data[row + x] !== id) x++;
      if (x === known.x1) continue;
      let last = known.x1 - 1;
      while (data[row + last] !== id) last--;
      if (tight.y0 === Infinity) tight.y0 = y;
      tight.y1 = y + 1;
      if (x < tight.x0) tight.x0 = x;
      if (last >= tight.x1) tight.x1 = last + 1;
    }
    Object.assign(known, tight);
    return tight;
  }

  get cellCount(): number {
    return this.cells.size;
  }

  /** Ids of the cells present, ascending. */
  ids(): number[] {
    return [...this.cells.keys()].sort((a, b) => a - b);
  }

  /** An id that no cell has had in this map, so that undo never meets a stranger under an old number. */
  nextId(): number {
    return this.largest + 1;
  }

  copy(): LabelMap {
    return new LabelMap(this.height, this.width, this.data.slice());
  }
}
