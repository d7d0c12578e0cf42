/** Connected parts of a mask, and labels that grow through one. */

/** Neighbours share a side (4) or a side or corner (8). */
export type Connectivity = 4 | 8;

export interface Components {
  /** 0 outside, else 1, 2, ... in the order in which the parts are met row by row. */
  readonly labels: Int32Array;
  /** Pixels of each part; `sizes[0]` is part 1. */
  readonly sizes: readonly number[];
}

/** The parts of `bits` (row-major, `rows` x `columns`) that are not 0. */
export function components(bits: ArrayLike<number>, rows: number, columns: number, connectivity: Connectivity = 4): Components {
  const labels = new Int32Array(rows * columns);
  const sizes: number[] = [];
  const stack: number[] = [];
  for (let first = 0; first < labels.length; first++) {
    if (!bits[first] || labels[first]) continue;
    const label = sizes.length + 1;
    let size = 0;
    labels[first] = label;
    stack.push(first);
    const reach = (at: number) => {
      if (!bits[at] || labels[at]) return;
      labels[at] = label;
      stack.push(at);
    };
    while (stack.length > 0) {
      const at = stack.pop()!;
      size++;
      const column = at % columns;
      const left = column > 0;
      const right = column < columns - 1;
      for (const line of [-columns, 0, columns]) {
        const there = at + line;
        if (there < 0 || there >= labels.length) continue;
        if (line !== 0) reach(there);
        if (line !== 0 && connectivity === 4) continue;
        if (left) reach(there - 1);
        if (right) reach(there + 1);
      }
    }
    sizes.push(size);
  }
  return { labels, sizes };
}

/** No label yet. */
export const FREE = -1;

/**
 * Let `labels` (0 and up; `FREE` where none is yet) grow over pixels that share a side, one ring at a time, until
 * nothing changes. A pixel that several reach in the same ring takes the lowest.
 *
 * Args: `level` - height of each pixel, 0 where nothing may grow. Higher ground is taken first: rings run over all pixels of at
 * least some height before any lower one joins, which is a watershed by immersion (Vincent and Soille, 1991) upside
 * down, without lines between the basins. With one height everywhere it is the nearest label by steps inside the mask.
 */
export function growLabels(labels: Int32Array, level: ArrayLike<number>, columns: number): void {
  const waiting = new Map<number, number[]>();
  for (let at = 0; at < labels.length; at++) {
    const height = level[at]!;
    if (height === 0 || labels[at] !== FREE) continue;
    const same = waiting.get(height);
    if (same) same.push(at);
    else waiting.set(height, [at]);
  }
  const beside = (at: number): number[] => {
    const column = at % columns;
    const found: number[] = [];
    if (at >= columns) found.push(at - columns);
    if (column > 0) found.push(at - 1);
    if (column < columns - 1) found.push(at + 1);
    if (at + columns < labels.length) found.push(at + columns);
    return found;
  };
  for (const height of [...waiting.keys()].sort((a, b) => b - a)) {
    let ring = waiting.get(height)!;
    while (ring.length > 0) {
      const told: [number, number][] = [];
      for (const at of ring) {
        let lowest = FREE;
        for (const other of beside(at)) {
          const label = labels[other]!;
          if (level[other] !== 0 && label !== FREE && (lowest === FREE || label < lowest)) lowest = label;
        }
        if (lowest !== FREE) told.push([at, lowest]);
      }
      for (const [at, label] of told) labels[at] = label;
      const next = new Set<number>();
      for (const [at] of told) for (const other of beside(at)) if (labels[other] === FREE && level[other]! >= height) next.add(other);
      ring = [...next];
    }
  }
}
