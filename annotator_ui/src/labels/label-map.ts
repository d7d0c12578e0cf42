/** The truth of the picture being drawn: one id per pixel, and how many pixels each cell has. */

/** Ids are uint32; 0 is background. */
export const BACKGROUND = 0;

export class LabelMap {
  /** Row-major, axes yx, `height * width` ids. */
  readonly data: Uint32Array<ArrayBuffer>;
  private readonly areas = new Map<number, number>();
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
    const { data, areas } = this;
    for (let i = 0; i < data.length; ) {
      const id = data[i]!;
      const start = i;
      while (i < data.length && data[i] === id) i++;
      if (id === BACKGROUND) continue;
      areas.set(id, (areas.get(id) ?? 0) + i - start);
      if (id > this.largest) this.largest = id;
    }
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
    if (before !== BACKGROUND) {
      const left = this.areas.get(before)! - 1;
      if (left > 0) this.areas.set(before, left);
      else this.areas.delete(before);
    }
    if (id !== BACKGROUND) {
      this.areas.set(id, (this.areas.get(id) ?? 0) + 1);
      if (id > this.largest) this.largest = id;
    }
  }

  /** Pixels of cell `id`; 0 where it is not in the map. */
  area(id: number): number {
    return this.areas.get(id) ?? 0;
  }

  get cellCount(): number {
    return this.areas.size;
  }

  /** Ids of the cells present, ascending. */
  ids(): number[] {
    return [...this.areas.keys()].sort((a, b) => a - b);
  }

  /** An id that no cell has had in this map, so that undo never meets a stranger under an old number. */
  nextId(): number {
    return this.largest + 1;
  }

  copy(): LabelMap {
    return new LabelMap(this.height, this.width, this.data.slice());
  }
}
