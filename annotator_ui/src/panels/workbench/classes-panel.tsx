/** The classes of the painter: which is in hand, how much of the image each has, and how much is unknown. */

import type { Classes } from "../../labels/classes";
import type { AssignmentSession } from "../../session/assignment";
import { classColour } from "../class-colours";
import { digitsOf } from "./class-bar";
import type { Display } from "./display";

/** A share of the image in words: never "0%" or "100%" of something that is not. */
export function percent(part: number, whole: number): string {
  const share = (100 * part) / whole;
  if (part === 0) return "0%";
  if (share < 0.1) return "< 0.1%";
  if (part < whole && share > 99.9) return "> 99.9%";
  return `${share < 10 ? share.toFixed(1) : Math.round(share) === 100 && part < whole ? "> 99" : Math.round(share)}%`;
}

export function ClassesPanel({ session, classes, display, take }: {
  session: AssignmentSession;
  classes: Classes;
  display: Display;
  take: (index: number) => void;
}) {
  void session.revision.value; // shares follow the strokes
  const { map } = session.editor;
  const pixels = map.height * map.width;
  const areas = classes.names.map((_, index) => map.area(index + 1));
  const unknown = pixels - areas.reduce((sum, area) => sum + area, 0);
  const hand = session.tool.value === "eraser" ? null : (session.paintClass.value ?? 1) - 1;
  const digits = digitsOf(classes.names);
  const { labels, opacity, outlines, smoothly } = display;
  return (
    <section class="panel" aria-label="Classes">
      <h3>Classes</h3>
      {session.assignment.draft && <p class="dim">You start from a model's draft; dashed amber outlines are the classes it was least sure of. Correct what is wrong.</p>}
      <div class="filter-rows" role="group" aria-label="Class in hand">
        {classes.names.map((name, index) => {
          const key = digits[index];
          return (
            <button
              key={name}
              type="button"
              class="filter-row"
              aria-pressed={hand === index}
              {...(key ? { "aria-keyshortcuts": key } : {})}
              style={{ "--class": classColour(index) }}
              onClick={() => take(index)}
            >
              {key ? <kbd>{key}</kbd> : <span />}
              <i aria-hidden="true" />
              <span>{name}</span>
              <small>{percent(areas[index]!, pixels)}</small>
            </button>
          );
        })}
        <button type="button" class="filter-row" aria-pressed={hand === null} aria-keyshortcuts="E" onClick={() => (session.tool.value = "eraser")}>
          <kbd>E</kbd>
          <i aria-hidden="true" class="hatch" />
          <span>Unknown</span>
          <small>{percent(unknown, pixels)}</small>
        </button>
      </div>
      <p class="dim" aria-live="polite">
        {unknown === 0
          ? "Every pixel has a class."
          : `${percent(unknown, pixels)} stays unknown (hatched). You may submit it so: unknown says nothing, and others or a model fill it in.`}
      </p>
      <label class="slider">
        <span>Fill</span>
        <input type="range" min={0} max={1} step={0.02} value={opacity.value} onInput={(event) => (opacity.value = event.currentTarget.valueAsNumber)} />
        <output>{Math.round(opacity.value * 100)}%</output>
      </label>
      <div class="checks">
        <label class="check">
          <input type="checkbox" checked={labels.value} onChange={(event) => (labels.value = event.currentTarget.checked)} />
          Show classes <kbd>H</kbd>
        </label>
        <label class="check">
          <input type="checkbox" checked={outlines.value} onChange={(event) => (outlines.value = event.currentTarget.checked)} />
          Outlines <kbd>O</kbd>
        </label>
        <label class="check">
          <input type="checkbox" checked={session.protect.value} onChange={(event) => (session.protect.value = event.currentTarget.checked)} />
          Paint only the unknown <kbd>P</kbd>
        </label>
        <label class="check">
          <input type="checkbox" checked={session.fillCircled.value} onChange={(event) => (session.fillCircled.value = event.currentTarget.checked)} />
          Fill what I circle <kbd>C</kbd>
        </label>
        <label class="check">
          <input type="checkbox" checked={smoothly.value} onChange={(event) => (smoothly.value = event.currentTarget.checked)} />
          Smooth image
        </label>
      </div>
    </section>
  );
}
