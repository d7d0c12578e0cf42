/** F1 over the IoU from which a cell counts as found: how exact the outlines are, ours and the baseline's. */

import { niceScale, pathOf, place, type Point } from "./curve";
import { finite } from "./measure-words";

const WIDTH = 560;
const HEIGHT = 200;
const LEFT = 40;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 28;

/** `f1_50`, `f1_55`, ... as points, by rising threshold. */
export function overThresholds(measures: Readonly<Record<string, unknown>>): Point[] {
  return Object.entries(measures)
    .flatMap(([name, value]) => {
      const threshold = /^f1_(\d\d)$/.exec(name);
      const y = finite(value);
      return threshold && y !== null ? [{ x: Number(threshold[1]) / 100, y }] : [];
    })
    .sort((a, b) => a.x - b.x);
}

export function ThresholdChart({ measures, baseline }: { measures: Readonly<Record<string, unknown>>; baseline: Readonly<Record<string, unknown>> }) {
  const ours = overThresholds(measures);
  const theirs = overThresholds(baseline);
  if (ours.length < 3) return null;
  const xs = niceScale(ours.map((point) => point.x), 5);
  const ys = niceScale([0, 1]);
  const x = (value: number) => place(value, xs, LEFT, WIDTH - RIGHT);
  const y = (value: number) => place(value, ys, HEIGHT - BOTTOM, TOP);
  const drawn = (points: readonly Point[]) => pathOf(points.map((point) => ({ x: x(point.x), y: y(point.y) })));
  return (
    <figure class="chart">
      <figcaption>
        <span class="swatch ours" /> F1 by IoU threshold
        <span class="swatch baseline" /> Otsu + watershed
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="F1 by IoU threshold, beside the baseline's">
        {ys.ticks.map((tick) => (
          <g key={tick}>
            <line class="grid-line" x1={LEFT} x2={WIDTH - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 8} y={y(tick) + 4} text-anchor="end">
              {tick}
            </text>
          </g>
        ))}
        {xs.ticks.map((tick, i) => (
          <text key={tick} x={x(tick)} y={HEIGHT - 8} text-anchor={i === xs.ticks.length - 1 ? "end" : "middle"}>
            {tick}
          </text>
        ))}
        <path class="curve baseline" d={drawn(theirs)} />
        <path class="curve ours" d={drawn(ours)} />
      </svg>
    </figure>
  );
}
