/** The classes of a campaign: names in order, whether the order is a rank, and whether several may hold at once. */

import { useEffect, useRef } from "preact/hooks";
import { classColour } from "../../class-colours";
import { LONGEST_NAME, moved, pasted, rowProblem } from "./classes";

export interface Classes {
  readonly rows: readonly string[];
  readonly ordinal: boolean;
  readonly multi: boolean;
}

/** `kinds`: rank and several-at-once are asked too; a painted pixel has one class, and no rank. */
export function ClassesEditor(props: { classes: Classes; change: (classes: Classes) => void; kinds: boolean; problem: string; prefilled: boolean }) {
  const { classes, change, kinds, problem, prefilled } = props;
  const { rows } = classes;
  const list = useRef<HTMLOListElement>(null);
  const focus = useRef<number | null>(null);
  useEffect(() => {
    if (focus.current === null) return;
    list.current?.querySelectorAll("input")[focus.current]?.focus();
    focus.current = null;
  });
  const put = (next: readonly string[]) => change({ ...classes, rows: next });
  const onKey = (event: KeyboardEvent, i: number) => {
    if (event.key === "Enter") {
      // Enter goes to the next name; the form is sent from its button.
      event.preventDefault();
      focus.current = i + 1;
      put(i === rows.length - 1 ? [...rows, ""] : [...rows]);
    } else if (event.key === "Backspace" && rows[i] === "" && rows.length > 1) {
      event.preventDefault();
      focus.current = Math.max(0, i - 1);
      put(rows.filter((_, j) => j !== i));
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      const by = event.key === "ArrowUp" ? -1 : 1;
      focus.current = Math.min(rows.length - 1, Math.max(0, i + by));
      put(moved(rows, i, by));
    }
  };
  return (
    <fieldset class="stack tight">
      <legend>Classes{classes.ordinal && ", from the lowest rank to the highest"}</legend>
      {prefilled && <small class="dim">As the dataset states them; change what this campaign asks otherwise.</small>}
      <ol class="class-rows" ref={list}>
        {rows.map((row, i) => {
          const wrong = rowProblem(rows, i);
          return (
            <li key={i}>
              <i class="class-dot" style={{ background: classColour(i) }} aria-hidden="true" />
              <input
                aria-label={`Class ${i + 1}`}
                value={row}
                maxLength={LONGEST_NAME + 1}
                placeholder={i === 0 ? "e.g. neutrophil" : ""}
                aria-invalid={wrong !== ""}
                onInput={(event) => put(rows.map((old, j) => (j === i ? event.currentTarget.value : old)))}
                onPaste={(event) => {
                  const next = pasted(rows, i, event.clipboardData?.getData("text") ?? "");
                  if (!next) return;
                  event.preventDefault();
                  focus.current = next.length - 1;
                  put(next);
                }}
                onKeyDown={(event) => onKey(event, i)}
              />
              <span class="row nowrap class-moves">
                <button type="button" class="icon-button" aria-label={`Move class ${i + 1} up`} disabled={i === 0} onClick={() => put(moved(rows, i, -1))}>
                  ↑
                </button>
                <button type="button" class="icon-button" aria-label={`Move class ${i + 1} down`} disabled={i === rows.length - 1} onClick={() => put(moved(rows, i, 1))}>
                  ↓
                </button>
                <button type="button" class="icon-button" aria-label={`Remove class ${i + 1}`} disabled={rows.length === 1} onClick={() => put(rows.filter((_, j) => j !== i))}>
                  ×
                </button>
              </span>
              {wrong && <small class="form-problem">{wrong}</small>}
            </li>
          );
        })}
      </ol>
      <div class="row">
        <button
          type="button"
          class="button small"
          onClick={() => {
            focus.current = rows.length;
            put([...rows, ""]);
          }}
        >
          Add a class
        </button>
        <small class="dim">Or paste a list, one a line.</small>
      </div>
      {problem && (
        <p class="form-problem" role="alert">
          {problem}
        </p>
      )}
      {kinds && (
        <div class="stack tight">
          <label class="check">
            <input type="checkbox" checked={classes.multi} onChange={(event) => change({ ...classes, multi: event.currentTarget.checked, ordinal: false })} />
            <span>
              Several may hold at once, or none <small class="dim">such as places a protein is found in</small>
            </span>
          </label>
          <label class="check">
            <input type="checkbox" checked={classes.ordinal} onChange={(event) => change({ ...classes, ordinal: event.currentTarget.checked, multi: false })} />
            <span>
              The order is a rank <small class="dim">such as doses and grades</small>
            </span>
          </label>
        </div>
      )}
    </fieldset>
  );
}
