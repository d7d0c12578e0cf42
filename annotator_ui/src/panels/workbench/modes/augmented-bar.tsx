/** Above the pictures: how they are compared, which of them, and which plane of the stack. */

import { asProblem } from "../../../api/problem";
import type { Picture } from "../../../session/picture";
import type { Compare, Shown, View } from "./augmented-compare";

const VIEWS: readonly { view: View; key: string; label: string }[] = [
  { view: "beside", key: "G", label: "Side by side" },
  { view: "swipe", key: "W", label: "Swipe" },
  { view: "blink", key: "K", label: "Blink" },
];

/** Go `by` planes through the stack, if there is one. */
export function stepPlane(picture: Picture, by: number): void {
  const { t = 0, z = 0 } = picture.plane.peek();
  const to = Math.min(picture.depth - 1, Math.max(0, z + by));
  // A plane that cannot be read leaves the one before on the screen; the picture says why when it is asked for again.
  if (to !== z) picture.show({ t, z: to }).catch((error: unknown) => console.warn(asProblem(error).message));
}

function PlaneSlider({ picture }: { picture: Picture }) {
  const { z = 0 } = picture.plane.value;
  if (picture.depth < 2) return null;
  return (
    <label class="planes" title="R and T go through the planes of the source">
      <span>Plane</span>
      <input type="range" min={0} max={picture.depth - 1} step={1} value={z} aria-valuetext={`${z + 1} of ${picture.depth}`} onInput={(event) => stepPlane(picture, event.currentTarget.valueAsNumber - z)} />
      <output>
        {z + 1} / {picture.depth}
      </output>
    </label>
  );
}

function PairChooser({ compare, shown, place }: { compare: Compare; shown: readonly Shown[]; place: 0 | 1 }) {
  return (
    <select aria-label={place === 0 ? "First picture" : "Second picture"} value={compare.pair.value[place]} onChange={(event) => compare.choose(place, event.currentTarget.value)}>
      {shown.map(({ key, title }) => (
        <option key={key} value={key}>
          {title}
        </option>
      ))}
    </select>
  );
}

export function CompareBar({ compare, shown, source }: { compare: Compare; shown: readonly Shown[]; source: Picture }) {
  const view = compare.view.value;
  return (
    <div class="compare-bar" role="toolbar" aria-label="Comparing">
      <div class="segments" role="group" aria-label="View">
        {VIEWS.map(({ view: each, key, label }) => (
          <button key={each} type="button" aria-pressed={view === each} aria-keyshortcuts={key} onClick={() => compare.look(each)}>
            {label} <kbd>{key}</kbd>
          </button>
        ))}
      </div>
      {view === "beside" ? (
        <div class="segments" role="group" aria-label="Pictures shown">
          {shown.map(({ key, short, title }) => (
            <button key={key} type="button" aria-pressed={!compare.hidden.value.has(key)} title={title} onClick={() => compare.toggle(key)}>
              {short}
            </button>
          ))}
        </div>
      ) : (
        <div class="pair-choice">
          <PairChooser compare={compare} shown={shown} place={0} />
          <button type="button" class="icon-button" aria-label="Change places" title="Change places (J)" aria-keyshortcuts="J" onClick={() => compare.swap()}>
            ⇄
          </button>
          <PairChooser compare={compare} shown={shown} place={1} />
        </div>
      )}
      {view === "blink" && (
        <button type="button" class="button small" aria-pressed={compare.ticking.value} aria-keyshortcuts="I" onClick={() => (compare.ticking.value = !compare.ticking.value)}>
          {compare.ticking.value ? "Stop" : "Blink"} <kbd>I</kbd>
        </button>
      )}
      {view !== "beside" && (
        <span class="dim bar-hint">
          hold <kbd>Q</kbd> for the other
        </span>
      )}
      <span class="bench-space" />
      <PlaneSlider picture={source} />
    </div>
  );
}
