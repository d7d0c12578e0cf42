/** An image halved again and again, as the mean of 2 x 2 pixels. */

export interface Halving {
  readonly height: number;
  readonly width: number;
  /** Makes this level's plane from the one before; null for the first. */
  readonly from: ((plane: Uint16Array<ArrayBuffer>) => Uint16Array<ArrayBuffer>) | null;
}

/** Levels of a plane of `height` x `width`, down to a side of about 256; sizes are rounded down, as WebGL wants them. */
export function halvings(height: number, width: number): Halving[] {
  const levels: Halving[] = [{ height, width, from: null }];
  while (Math.min(height, width) >= 512) {
    const columns = width;
    const rows = height >> 1;
    const half = width >> 1;
    levels.push({ height: rows, width: half, from: (plane) => halve(plane, columns, rows, half) });
    height = rows;
    width = half;
  }
  return levels;
}

/** Mean of 2 x 2, rounded; an odd last row or column is left out. `columns` is the width of `plane`. */
function halve(plane: Uint16Array<ArrayBuffer>, columns: number, rows: number, width: number): Uint16Array<ArrayBuffer> {
  const half = new Uint16Array(rows * width);
  for (let y = 0; y < rows; y++) {
    let at = 2 * y * columns;
    for (let x = 0; x < width; x++, at += 2) {
      half[y * width + x] = (plane[at]! + plane[at + 1]! + plane[at + columns]! + plane[at + columns + 1]! + 2) >> 2;
    }
  }
  return half;
}
