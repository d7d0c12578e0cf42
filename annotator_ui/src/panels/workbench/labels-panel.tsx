/** Labels: how they look, how many cells there are, and the selected one. */

import type { AssignmentSession } from "../../session/assignment";
import { COLOURINGS, type Colouring } from "../../layers/label-layer";
import type { Display } from "./display";
import { COLOURING_WORDS, hasCertainty } from "./look-keys";
import { SelectedCell } from "./selected-cell";

export function LabelsPanel({ session, display }: { session: AssignmentSession; display: Display }) {
  const { labels, opacity, outlines, smoothly, colouring } = display;
  const { draft } = session.assignment;
  return (
    <section class="panel" aria-label="Labels">
      <div class="row apart">
        <h3>Cells</h3>
        <span class="count" aria-live="polite">
          {session.cellCount.value}
        </span>
      </div>
      {draft && <p class="dim">You start from a model's draft. Dashed amber outlines are the cells it was least sure of.</p>}
      <SelectedCell session={session} />
      <label class="slider">
        <span>Fill</span>
        <input
          type="range"
          min={0}
          max={1}
          step={0.02}
          value={opacity.value}
          onInput={(event) => (opacity.value = event.currentTarget.valueAsNumber)}
        />
        <output>{Math.round(opacity.value * 100)}%</output>
      </label>
      <label class="slider colouring">
        <span>Colour</span>
        <select value={colouring.value} aria-keyshortcuts="K" onChange={(event) => (colouring.value = event.currentTarget.value as Colouring)}>
          {COLOURINGS.filter((way) => way !== "certainty" || hasCertainty(session)).map((way) => (
            <option key={way} value={way}>
              {COLOURING_WORDS[way]}
            </option>
          ))}
        </select>
        <kbd>K</kbd>
      </label>
      <div class="checks">
        <label class="check">
          <input type="checkbox" checked={labels.value} onChange={(event) => (labels.value = event.currentTarget.checked)} />
          Show labels <kbd>H</kbd>
        </label>
        <label class="check">
          <input type="checkbox" checked={outlines.value} onChange={(event) => (outlines.value = event.currentTarget.checked)} />
          Outlines <kbd>O</kbd>
        </label>
        <label class="check">
          <input type="checkbox" checked={session.protect.value} onChange={(event) => (session.protect.value = event.currentTarget.checked)} />
          Protect other cells <kbd>P</kbd>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={session.fillCircled.value}
            onChange={(event) => (session.fillCircled.value = event.currentTarget.checked)}
          />
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
