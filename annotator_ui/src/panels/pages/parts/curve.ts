/** Geometry of a small line chart: nice ticks, and paths in a box. No browser needed. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
}

/** A range of round numbers around `values` with 2 to 6 ticks at 1, 2 or 5 times a power of ten. */
export function niceScale(values: readonly number[], wanted = 4): Scale {
  const finite = values.filter(Number.isFinite);
  let low = Math.min(...finite);
  let high = Math.max(...finite);
  if (finite.length === 0) [low, high] = [0, 1];
  if (high - low < 1e-9) [low, high] = Math.abs(low) < 1e-9 ? [0, 1] : [Math.min(0, low), Math.max(0, high)];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough - 1e-12)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { low: ticks[0]!, high: ticks.at(-1)!, ticks };
}

/** From 0 to `end` exactly, with at most `most` + 1 ticks; seconds at steps of a clock, else at 1, 2 or 5 times a power of ten. */
export function axisTo(end: number, seconds: boolean, most = 5): Scale {
  const high = end > 0 ? end : 1;
  const clock = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400];
  const decimal = Array.from({ length: 30 }, (_, i) => [1, 2, 5][i % 3]! * 10 ** Math.floor(i / 3));
  const step = (seconds ? clock : decimal).find((candidate) => high / candidate <= most + 0.2) ?? high / most;
  return { low: 0, high, ticks: Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, i) => i * step) };
}

export function place(value: number, scale: Scale, from: number, to: number): number {
  return from + ((value - scale.low) / (scale.high - scale.low)) * (to - from);
}

/** An SVG path through the finite points; a gap where a value is missing. */
export function pathOf(points: readonly Point[]): string {
  let pen = false;
  return points
    .map(({ x, y }) => {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        pen = false;
        return "";
      }
      const step = `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = true;
      return step;
    })
    .filter(Boolean)
    .join("");
}

/** At most `most` points: every bucket gives its mean, so that a long noisy run stays a line and small. */
export function thinned(points: readonly Point[], most: number): Point[] {
  const finite = points.filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y));
  if (finite.length <= most) return [...finite];
  const size = finite.length / most;
  return Array.from({ length: most }, (_, i) => {
    const bucket = finite.slice(Math.floor(i * size), Math.max(Math.floor(i * size) + 1, Math.floor((i + 1) * size)));
    const mean = (pick: (point: Point) => number) => bucket.reduce((sum, point) => sum + pick(point), 0) / bucket.length;
    return { x: mean((point) => point.x), y: mean((point) => point.y) };
  });
}
