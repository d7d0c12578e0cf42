/** The gallery's grid: a listbox of crops that pointer and keyboard choose from. Only the rows in sight are there. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { saidOf } from "../../labels/classes";
import type { Values } from "../../labels/values";
import { classColour } from "../class-colours";
import type { GalleryState } from "./gallery-state";
import { CAPTION, Tile, type TileLook } from "./tile";

/** Between tiles, and around them, CSS pixels; as the style sheet has them. */
const GAP = 6;
const PADDING = 10;
/** Rows drawn beyond what is in sight, so that scrolling meets no holes. */
const BEYOND = 2;

export interface Rows {
  readonly columns: number;
  /** Side of a tile's picture with its border, CSS pixels. */
  readonly side: number;
  /** From one row to the next, CSS pixels. */
  readonly pitch: number;
  /** Height of all rows, CSS pixels. */
  readonly height: number;
  /** The rows to draw: first and, not included, last. */
  readonly first: number;
  readonly last: number;
}

/** How `count` tiles of at least `tile` lie in a box of `width` x `height` that is scrolled to `top`. */
export function rowsOf(count: number, tile: number, width: number, height: number, top: number): Rows {
  const room = Math.max(tile, width - 2 * PADDING);
  const columns = Math.max(1, Math.floor((room + GAP) / (tile + GAP)));
  const side = (room - (columns - 1) * GAP) / columns;
  const pitch = side + CAPTION + GAP;
  const rows = Math.ceil(count / columns);
  const first = Math.max(0, Math.floor((top - PADDING) / pitch) - BEYOND);
  const last = Math.min(rows, Math.ceil((top + height - PADDING) / pitch) + BEYOND);
  return { columns, side, pitch, height: Math.max(0, rows * pitch - GAP), first, last };
}

/** The subject whose tile is at a place on the screen. */
function keyAt(event: { clientX: number; clientY: number }): string | null {
  const element = document.elementFromPoint(event.clientX, event.clientY);
  return element?.closest<HTMLElement>(".subject-tile")?.dataset["key"] ?? null;
}

export function Gallery({ state, values, look, tile, acted }: {
  state: GalleryState;
  values: Values;
  look: TileLook;
  /** Side of a tile at least, CSS pixels. */
  tile: number;
  acted: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ width: 0, height: 0, top: 0 });
  const items = state.items.value;
  const { focus, chosen } = state.selection.value;
  const rows = rowsOf(items.length, tile, place.width, place.height, place.top);
  state.columns = rows.columns;

  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => setPlace({ width: element.clientWidth, height: element.clientHeight, top: element.scrollTop });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, []);
  useEffect(() => {
    const element = box.current!;
    const at = focus === null ? -1 : items.indexOf(focus);
    if (at === -1) return;
    const top = PADDING + Math.floor(at / rows.columns) * rows.pitch;
    if (top - PADDING < element.scrollTop) element.scrollTop = top - PADDING;
    else if (top + rows.pitch > element.scrollTop + element.clientHeight) element.scrollTop = top + rows.pitch - element.clientHeight;
  }, [focus, items, rows.columns, rows.pitch]);

  const from = rows.first * rows.columns;
  const shown = place.width === 0 ? [] : items.slice(from, rows.last * rows.columns);
  return (
    <div
      ref={box}
      class="gallery"
      role="listbox"
      tabIndex={0}
      aria-multiselectable="true"
      aria-label={`Subjects, ${items.length} shown`}
      {...(focus === null ? {} : { "aria-activedescendant": `subject-${focus}` })}
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
      <div
        class="gallery-rows"
        style={{
          height: `${rows.height}px`,
          paddingTop: `${rows.first * rows.pitch}px`,
          gridTemplateColumns: `repeat(${rows.columns}, minmax(0, 1fr))`,
          gridAutoRows: `${rows.side + CAPTION}px`,
        }}
      >
        {shown.map((key, i) => {
          const said = saidOf(values, key);
          const first = said && said.length > 0 ? state.classes.names.indexOf(said[0]!) : -1;
          return (
            <Tile
              key={key}
              subject={look.subjects.byKey.get(key)!}
              look={look}
              size={rows.side}
              place={from + i + 1}
              of={items.length}
              chosen={chosen.has(key)}
              focused={key === focus}
              said={said === null ? null : said.join(", ")}
              colour={first >= 0 ? classColour(first) : null}
              suggested={state.suggested(key)}
            />
          );
        })}
      </div>
      {items.length === 0 && <p class="dim gallery-empty">None like that. {state.filter.value.kind === "unsaid" && "Everything has a class."}</p>}
    </div>
  );
}
