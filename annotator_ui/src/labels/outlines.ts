/** Outlines of cells as the sides of pixels where one cell ends. */

/** A straight side in pixel corners, from (y0, x0) to (y1, x1), of the cell that lies beside it. */
export interface Side {
  readonly y0: number;
  readonly x0: number;
  readonly y1: number;
  readonly x1: number;
  readonly cell: number;
}

/**
 * Sides of every cell of a row-major label map, runs of equal sides joined. Where two cells touch, each has its own.
 *
 * @param labels `height * width` values; 0 is background. Outside of the map is background too.
 */
export function outlines(labels: ArrayLike<number>, height: number, width: number): Side[] {
  const at = (y: number, x: number) => (y < 0 || x < 0 || y >= height || x >= width ? 0 : labels[y * width + x]!);
  const sides: Side[] = [];
  // Horizontal sides: between row y-1 and row y; first those of the cell above, then of the cell below.
  for (let y = 0; y <= height; y++) {
    for (const offset of [-1, 0]) {
      let start = 0;
      let cell = 0;
      for (let x = 0; x <= width; x++) {
        const here = x < width && at(y - 1, x) !== at(y, x) ? at(y + offset, x) : 0;
        if (here === cell) continue;
        if (cell !== 0) sides.push({ y0: y, x0: start, y1: y, x1: x, cell });
        [start, cell] = [x, here];
      }
    }
  }
  for (let x = 0; x <= width; x++) {
    for (const offset of [-1, 0]) {
      let start = 0;
      let cell = 0;
      for (let y = 0; y <= height; y++) {
        const here = y < height && at(y, x - 1) !== at(y, x) ? at(y, x + offset) : 0;
        if (here === cell) continue;
        if (cell !== 0) sides.push({ y0: start, x0: x, y1: y, x1: x, cell });
        [start, cell] = [y, here];
      }
    }
  }
  return sides;
}
