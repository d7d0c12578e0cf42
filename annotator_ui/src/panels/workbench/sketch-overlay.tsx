/** What the tool in the hand is about to do: a line, a polygon, a word beside the pointer. */

import type { ReadonlySignal } from "@preact/signals";
import { toScreen, type View } from "../../layers/view";
import type { Sketch } from "../../tools/tool";

export function SketchOverlay({ sketch, view }: { sketch: ReadonlySignal<Sketch | null>; view: ReadonlySignal<View> }) {
  const now = sketch.value;
  if (!now) return null;
  const points = now.points.map((point) => toScreen(view.value, point));
  const last = points.at(-1);
  const drawn = points.map(({ y, x }) => `${x},${y}`).join(" ");
  return (
    <>
      <svg class="sketch" aria-hidden="true">
        <polyline class="shade" points={drawn} />
        {now.closed && <polygon points={drawn} />}
        <polyline points={drawn} />
        {points[0] && <circle cx={points[0].x} cy={points[0].y} r="4" />}
      </svg>
      {now.says && last && (
        <span class="sketch-says" style={{ transform: `translate(${last.x + 16}px, ${last.y + 12}px)` }}>
          {now.says}
        </span>
      )}
    </>
  );
}
