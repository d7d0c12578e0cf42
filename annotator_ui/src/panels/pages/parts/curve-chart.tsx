/** Loss and validation over the steps of a training: two small charts over one axis, since their units differ. */

import type { CurvePoint } from "../../../api/types";
import { axisTo, niceScale, pathOf, place, thinned, type Point } from "./curve";
import { clock, count, measure } from "./figures";

const WIDTH = 560;
const HEIGHT = 190;
const LEFT = 44;
const RIGHT = 14;
const TOP = 14;
const BOTTOM = 26;

function Chart({ title, points, tone, dots, byTime, end }: { title: string; points: readonly Point[]; tone: "loss" | "validation"; dots: boolean; byTime: boolean; end: number }) {
  const shown = thinned(points, 240);
  const xs = axisTo(end, byTime);
  const ys = niceScale(tone === "validation" ? [0, 1, ...shown.map((point) => point.y)] : [0, ...shown.map((point) => point.y)]);
  const x = (value: number) => place(value, xs, LEFT, WIDTH - RIGHT);
  const y = (value: number) => place(value, ys, HEIGHT - BOTTOM, TOP);
  const last = points.at(-1);
  const best = points.reduce<Point | null>((found, point) => (!found || point.y > found.y ? point : found), null);
  return (
    <figure class="chart">
      <figcaption>
        <span class={`swatch ${tone}`} />
        {title}
        <strong>{last ? measure(last.y) : "–"}</strong>
        {tone === "validation" && best && last && best.y > last.y && <span class="dim">best {measure(best.y)}</span>}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={last ? `${title}: now ${measure(last.y)}` : `${title}: nothing yet`}>
        {ys.ticks.map((tick) => (
          <g key={tick}>
            <line class="grid-line" x1={LEFT} x2={WIDTH - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 8} y={y(tick) + 4} text-anchor="end">
              {Number(tick.toPrecision(3))}
            </text>
          </g>
        ))}
        {xs.ticks.map((tick) => (
          <text key={tick} x={Math.min(x(tick), WIDTH - 18)} y={HEIGHT - 7} text-anchor="middle">
            {byTime ? clock(tick) : count(tick)}
          </text>
        ))}
        <path class={`curve ${tone}`} d={pathOf(shown.map((point) => ({ x: x(point.x), y: y(point.y) })))} />
        {dots && shown.map((point) => <circle key={point.x} class={tone} cx={x(point.x)} cy={y(point.y)} r="3" />)}
        {!dots && last && <circle class={tone} cx={x(shown.at(-1)!.x)} cy={y(shown.at(-1)!.y)} r="3.5" />}
      </svg>
    </figure>
  );
}

/** `validated`: name of the measure that validation is by. */
export function TrainingCurve({ curve, validated }: { curve: readonly CurvePoint[]; validated: string }) {
  const byTime = curve.length > 0 && curve.every((point) => point.seconds !== undefined);
  const at = (point: CurvePoint) => (byTime ? point.seconds! : point.step);
  // Before the first step there is no loss, whatever the first message says.
  const end = Math.max(...curve.map(at), 0);
  const loss = curve.flatMap((point) => (typeof point.loss !== "number" || point.step === 0 ? [] : [{ x: at(point), y: point.loss }]));
  const validation = curve.flatMap((point) => (typeof point.validation !== "number" || point.step === 0 ? [] : [{ x: at(point), y: point.validation }]));
  return (
    <div class="charts">
      <Chart title="Training loss" points={loss} tone="loss" dots={false} byTime={byTime} end={end} />
      <Chart title={`Validation, ${validated}`} points={validation} tone="validation" dots={validation.length < 60} byTime={byTime} end={end} />
    </div>
  );
}
