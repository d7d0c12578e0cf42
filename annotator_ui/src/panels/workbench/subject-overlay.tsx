/** Boxes over the picture: those given, and the one the keyboard stands on. */

import { toScreen } from "../../layers/view";
import type { Rect } from "../../labels/rect";
import type { Subjects } from "../../session/subjects";
import type { Display } from "./display";

function Frame({ box, display, look, colour, margin = 0 }: { box: Rect; display: Display; look: string; colour?: string | null; margin?: number }) {
  const view = display.view.value;
  const from = toScreen(view, { y: box.y0, x: box.x0 });
  const to = toScreen(view, { y: box.y1, x: box.x1 });
  return (
    <rect
      class={look}
      x={from.x - margin}
      y={from.y - margin}
      width={to.x - from.x + 2 * margin}
      height={to.y - from.y + 2 * margin}
      {...(colour ? { style: { stroke: colour } } : {})}
    />
  );
}

export function SubjectOverlay({ subjects, focus, display, colourOf }: {
  subjects: Subjects;
  focus: string | null;
  display: Display;
  /** `#rrggbb` of what is said of a subject; null where nothing is. */
  colourOf: (key: string) => string | null;
}) {
  const focused = focus === null ? null : subjects.byKey.get(focus);
  return (
    <svg class="overlay" aria-hidden="true">
      {!subjects.cells &&
        display.labels.value &&
        subjects.list.map(({ key, box }) => <Frame key={key} box={box} display={display} look="given-box" colour={colourOf(key)} />)}
      {focused && (
        <>
          <Frame box={focused.box} display={display} look="focus-shade" margin={4} />
          <Frame box={focused.box} display={display} look="focus-box" margin={4} />
        </>
      )}
    </svg>
  );
}
