/** Exact squared Euclidean distances on a grid (Felzenszwalb and Huttenlocher, 2012). */

const FAR = 2 ** 40;

/** Lower envelope of parabolas over one line of `n` values. */
function transformLine(f: Float64Array, n: number, out: Float64Array, at: Int32Array, from: Float64Array): void {
  let k = 0;
  at[0] = 0;
  from[0] = -Infinity;
  from[1] = Infinity;
  for (let q = 1; q < n; q++) {
    let s: number;
    do {
      const p = at[k]!;
      s = (f[q]! + q * q - (f[p]! + p * p)) / (2 * q - 2 * p);
    } while (s <= from[k]! && --k >= 0);
    k++;
    at[k] = q;
    from[k] = s;
    from[k + 1] = Infinity;
  }
  k = 0;
  for (let q = 0; q < n; q++) {
    while (from[k + 1]! < q) k++;
    const p = at[k]!;
    out[q] = (q - p) ** 2 + f[p]!;
  }
}

/**
 * For each pixel of `bits` (row-major) that is not 0, the squared distance to the centre of the nearest that is 0; whole
 * numbers, 0 elsewhere. Some pixel must be 0: what lies outside of the array is not looked at.
 */
export function squaredDistances(bits: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const distances = Float64Array.from({ length: rows * columns }, (_, i) => (bits[i] ? FAR : 0));
  const longest = Math.max(rows, columns);
  const line = new Float64Array(longest);
  const out = new Float64Array(longest);
  const at = new Int32Array(longest);
  const from = new Float64Array(longest + 1);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) line[row] = distances[row * columns + column]!;
    transformLine(line, rows, out, at, from);
    for (let row = 0; row < rows; row++) distances[row * columns + column] = out[row]!;
  }
  for (let row = 0; row < rows; row++) {
    line.set(distances.subarray(row * columns, (row + 1) * columns));
    transformLine(line, columns, out, at, from);
    distances.set(out.subarray(0, columns), row * columns);
  }
  return distances;
}
