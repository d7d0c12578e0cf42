/** Beside the gallery: how far it is, which subjects are shown, and in which order. */

import type { Signal } from "@preact/signals";
import type { Filter } from "../../labels/classes";
import { classColour } from "../class-colours";
import type { GalleryState } from "./gallery-state";

const same = (a: Filter, b: Filter) => a.kind === b.kind && (a.kind !== "class" || b.kind !== "class" || a.name === b.name);

function FilterRow({ state, filter, label, count, colour }: { state: GalleryState; filter: Filter; label: string; count: number; colour?: string }) {
  return (
    <button
      type="button"
      class="filter-row"
      aria-pressed={same(state.filter.value, filter)}
      onClick={() => (state.filter.value = filter)}
      {...(colour ? { style: { "--class": colour } } : {})}
    >
      <i aria-hidden="true" class={colour ? "" : "plain"} />
      <span>{label}</span>
      <small>{count}</small>
    </button>
  );
}

export function GalleryPanel({ state, tile, advance, draft }: { state: GalleryState; tile: Signal<number>; advance: Signal<boolean>; draft: boolean }) {
  const { subjects, classes, counts, order, selection } = state;
  const { perClass, none, unsaid } = counts.value;
  const done = subjects.length - unsaid;
  return (
    <section class="panel" aria-label="Subjects">
      <div class="row apart">
        <h3>Labelled</h3>
        <span class="count" aria-live="polite">
          {done}
          <small class="dim"> / {subjects.length}</small>
        </span>
      </div>
      <div class="meter" aria-hidden="true">
        <i style={{ width: `${(100 * done) / Math.max(1, subjects.length)}%` }} />
      </div>
      {draft && <p class="dim">You start from a model's draft; the number is how sure it was. Correct what is wrong.</p>}
      <div class="filter-rows" role="group" aria-label="Show">
        <FilterRow state={state} filter={{ kind: "all" }} label="All" count={subjects.length} />
        <FilterRow state={state} filter={{ kind: "unsaid" }} label="Not labelled" count={unsaid} />
        {classes.names.map((name, index) => (
          <FilterRow key={name} state={state} filter={{ kind: "class", name }} label={name} count={perClass[index]!} colour={classColour(index)} />
        ))}
        {classes.multi && <FilterRow state={state} filter={{ kind: "none" }} label="None of these" count={none} />}
      </div>
      <label class="slider">
        <span>Size</span>
        <input type="range" min={56} max={240} step={8} value={tile.value} onInput={(event) => (tile.value = event.currentTarget.valueAsNumber)} />
        <output>{tile.value} px</output>
      </label>
      <div class="checks">
        {draft && (
          <label class="check">
            <input
              type="checkbox"
              checked={order.value === "certainty"}
              onChange={(event) => (order.value = event.currentTarget.checked ? "certainty" : "number")}
            />
            Least sure first
          </label>
        )}
        <label class="check">
          <input type="checkbox" checked={advance.value} onChange={(event) => (advance.value = event.currentTarget.checked)} />
          Go on after each class
        </label>
      </div>
      <p class="dim" aria-live="polite">
        {selection.value.chosen.size > 1 ? `${selection.value.chosen.size} chosen: a key gives all of them its class.` : "Shift, Ctrl or a drag choose several."}
      </p>
    </section>
  );
}
