/** Boxes over the picture: those given, and the one the keyboard stands on. */

import { useMemo } from "preact/hooks";
import type { Rect } from "../../labels/rect";
import { saidOf } from "../../labels/classes";
import type { Values } from "../../labels/values";
import { toScreen } from "../../layers/view";
import type { Subjects } from "../../session/subjects";
import type { Display } from "./display";

const outline = ({ y0, x0, y1, x1 }: Rect) => `M${x0} ${y0}H${x1}V${y1}H${x0}Z`;

/** One path for all boxes of a colour, in image pixels: thousands of boxes stay cheap to move and to zoom. */
export function pathsByColour(subjects: Subjects, colourOf: (key: string) => string | null): Map<string | null, string> {
  const paths = new Map<string | null, string>();
  for (const { key, box } of subjects.list) {
    const colour = colourOf(key);
    paths.set(colour, (paths.get(colour) ?? "") + outline(box));
  }
  return paths;
}

function Focus({ box, display }: { box: Rect; display: Display }) {
  const view = display.view.value;
  const from = toScreen(view, { y: box.y0, x: box.x0 });
  const to = toScreen(view, { y: box.y1, x: box.x1 });
  const place = { x: from.x - 4, y: from.y - 4, width: to.x - from.x + 8, height: to.y - from.y + 8 };
  return (
    <>
      <rect class="focus-shade" {...place} />
      <rect class="focus-box" {...place} />
    </>
  );
}

export function SubjectOverlay({ subjects, values, focus, display, colourOf }: {
  subjects: Subjects;
  values: Values;
  focus: string | null;
  display: Display;
  /** `#rrggbb` of a class. */
  colourOf: (name: string) => string;
}) {
  const boxes = useMemo(() => {
    if (subjects.cells) return [];
    const colour = (key: string) => {
      const first = saidOf(values, key)?.[0];
      return first === undefined ? null : colourOf(first);
    };
    return [...pathsByColour(subjects, colour)];
  }, [subjects, values]);
  const { scale, y, x } = display.view.value;
  const focused = focus === null ? null : subjects.byKey.get(focus);
  return (
    <svg class="overlay" aria-hidden="true">
      {display.labels.value && (
        <g transform={`scale(${scale}) translate(${-x} ${-y})`}>
          {boxes.map(([colour, path]) => (
            <path key={colour ?? ""} class="given-box" d={path} {...(colour ? { style: { stroke: colour } } : {})} />
          ))}
        </g>
      )}
      {focused && <Focus box={focused.box} display={display} />}
    </svg>
  );
}
