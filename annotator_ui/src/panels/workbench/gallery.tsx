/** The gallery's grid: a listbox of crops that pointer and keyboard choose from. */

import { useEffect, useRef } from "preact/hooks";
import { saidOf } from "../../labels/classes";
import type { Values } from "../../labels/values";
import { classColour } from "../class-colours";
import type { GalleryState } from "./gallery-state";
import { Tile, type TileLook } from "./tile";

/** The subject whose tile is at a place on the screen. */
function keyAt(event: { clientX: number; clientY: number }): string | null {
  const element = document.elementFromPoint(event.clientX, event.clientY);
  return element?.closest<HTMLElement>(".subject-tile")?.dataset["key"] ?? null;
}

export function Gallery({ state, values, look, tile, acted }: {
  state: GalleryState;
  values: Values;
  look: TileLook;
  /** Side of a tile, CSS pixels. */
  tile: number;
  acted: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const items = state.items.value;
  const { focus, chosen } = state.selection.value;

  useEffect(() => {
    const element = box.current!;
    const measure = () => {
      const columns = getComputedStyle(element).gridTemplateColumns.split(" ").length;
      state.columns = Math.max(1, columns);
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [state, tile]);
  useEffect(() => {
    if (focus !== null) box.current?.querySelector(`#subject-${focus}`)?.scrollIntoView({ block: "nearest" });
  }, [focus]);

  return (
    <div
      ref={box}
      class="gallery"
      role="listbox"
      tabIndex={0}
      aria-multiselectable="true"
      aria-label={`Subjects, ${items.length} shown`}
      {...(focus === null ? {} : { "aria-activedescendant": `subject-${focus}` })}
      style={{ "--tile": `${tile}px` }}
      onPointerDown={(event) => {
        const key = keyAt(event);
        if (key === null || event.button !== 0) return;
        acted();
        state.press(key, { shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey });
        if (event.pointerType === "touch") state.endSweep(); // a finger that moves scrolls
      }}
      onPointerMove={(event) => {
        if ((event.buttons & 1) === 0) return state.endSweep();
        const key = keyAt(event);
        if (key !== null) state.sweep(key);
      }}
      onPointerUp={() => state.endSweep()}
      onPointerCancel={() => state.endSweep()}
    >
      {items.map((key) => {
        const said = saidOf(values, key);
        const first = said && said.length > 0 ? state.classes.names.indexOf(said[0]!) : -1;
        return (
          <Tile
            key={key}
            subject={look.subjects.byKey.get(key)!}
            look={look}
            chosen={chosen.has(key)}
            focused={key === focus}
            said={said === null ? null : said.join(", ")}
            colour={first >= 0 ? classColour(first) : null}
            suggested={state.suggested(key)}
          />
        );
      })}
      {items.length === 0 && <p class="dim gallery-empty">None like that. {state.filter.value.kind === "unsaid" && "Everything has a class."}</p>}
    </div>
  );
}
