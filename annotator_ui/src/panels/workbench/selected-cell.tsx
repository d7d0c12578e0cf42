/** The selected cell: its number, its size, and what can be done to it. */

import { signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { AssignmentSession } from "../../session/assignment";
import { cellOperations, relabelOperations } from "../../tools/cell-actions";
import { CELL_ACTIONS } from "./cell-keys";
import type { Key } from "./keys";

/** Counts presses of R: the field for the number takes the focus. */
const asked = signal(0);

export function relabelKey(): Key {
  return { keys: ["r"], shown: ["R"], does: "Give the selected cell another number", run: () => void asked.value++ };
}

const LARGEST_ID = 4_294_967_295;

/** Why cell `id` cannot be called `to`; null where it can. */
export function relabelRefusal(to: number, id: number, taken: (id: number) => boolean): string | null {
  if (!Number.isInteger(to) || to < 1 || to > LARGEST_ID) return "A whole number from 1 on.";
  if (to !== id && taken(to)) return `There is a cell ${to} already: join them with J.`;
  return null;
}

function Relabel({ session, id }: { session: AssignmentSession; id: number }) {
  const field = useRef<HTMLInputElement>(null);
  const refused = useSignal<string | null>(null);
  const seen = useRef(asked.peek());
  // Before the page is painted: what is typed right after R goes into the field, and no key after that does.
  useLayoutEffect(() => {
    if (asked.value === seen.current) return;
    seen.current = asked.value;
    field.current?.focus();
    field.current?.select();
  }, [asked.value]);
  useEffect(() => {
    refused.value = null;
    if (field.current) field.current.value = String(id);
  }, [id]);
  const rename = (event: Event) => {
    event.preventDefault();
    const to = Number(field.current!.value);
    refused.value = relabelRefusal(to, id, (other) => session.editor.map.area(other) > 0);
    if (refused.value !== null) return;
    if (to !== id) session.perform(relabelOperations(id, to));
    document.querySelector<HTMLElement>(".bench-picture")?.focus();
  };
  return (
    <form class="relabel" onSubmit={rename}>
      <label>
        Cell <input ref={field} type="text" inputMode="numeric" size={6} aria-label="Number of the selected cell" aria-keyshortcuts="R" aria-invalid={refused.value !== null} defaultValue={String(id)} /> <kbd>R</kbd>
      </label>
      {refused.value && (
        <small class="warn" role="alert">
          {refused.value}
        </small>
      )}
    </form>
  );
}

export function SelectedCell({ session }: { session: AssignmentSession }) {
  const id = session.selected.value;
  void session.revision.value; // the area follows the edits
  if (id === null) return <p class="dim">No cell selected</p>;
  const area = session.editor.map.area(id);
  const { y, x } = session.assignment.image.pixel_size_um ?? {};
  const physical = y && x ? ` · ${(area * y * x).toPrecision(3)} µm²` : "";
  const sure = session.certainty(id);
  return (
    <div class="selected-cell">
      <div class="row apart">
        <Relabel session={session} id={id} />
        <span class="dim">
          {area.toLocaleString("en")} px{physical}
        </span>
      </div>
      {sure !== null && <span class={sure < 0.6 ? "badge warn" : "badge"}>draft, {Math.round(sure * 100)}% sure</span>}
      <div class="row cell-actions">
        {CELL_ACTIONS.map(({ action, shown, label }) => (
          <button key={action} type="button" class="button quiet small" disabled={area === 0} onClick={() => session.perform(cellOperations(action, id))}>
            {label} <kbd>{shown}</kbd>
          </button>
        ))}
        <button type="button" class="button quiet small" disabled={area === 0} onClick={() => session.deleteCell(id)}>
          Delete <kbd>D</kbd>
        </button>
        <button type="button" class="button quiet small" onClick={() => (session.selected.value = null)}>
          Let go <kbd>Esc</kbd>
        </button>
      </div>
    </div>
  );
}
