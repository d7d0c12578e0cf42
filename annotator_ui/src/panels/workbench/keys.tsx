/** The keyboard: what each key does, and the sheet that says so. One table feeds both. */

import type { Signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import type { AssignmentSession } from "../../session/assignment";
import { Modal } from "../modal";
import type { Display } from "./display";

export interface Key {
  /** `event.key` in lower case; with `ctrl` Control or Command is down too. */
  readonly keys: readonly string[];
  readonly ctrl?: boolean;
  /** Shift must be down; where nothing is said it does not matter. */
  readonly shift?: boolean;
  /** As the sheet writes it. */
  readonly shown: readonly string[];
  /** Empty: another way to do what an entry before says. */
  readonly does: string;
  readonly run: (held?: { readonly shiftKey: boolean }) => void;
}

export interface KeyGroup {
  readonly group: string;
  readonly keys: readonly Key[];
}

/** Undo, redo, submit: the same in every mode. */
export function workKeys(session: Pick<AssignmentSession, "undo" | "redo">, submit: () => void): Key[] {
  return [
    { keys: ["z"], ctrl: true, shift: true, shown: [], does: "", run: () => session.redo() },
    { keys: ["z"], ctrl: true, shown: ["Z", "Ctrl Z"], does: "Undo", run: () => session.undo() },
    { keys: ["z"], shown: [], does: "", run: () => session.undo() },
    { keys: ["y"], ctrl: true, shown: [], does: "", run: () => session.redo() },
    { keys: ["y"], shown: ["Y", "Ctrl Y"], does: "Redo", run: () => session.redo() },
    { keys: ["enter"], ctrl: true, shown: ["Ctrl ↵"], does: "Submit and take the next image", run: () => submit() },
  ];
}

/** Zoom and move. `arrows` false where a mode has another use for them. */
export function viewKeys(display: Display, arrows = true): Key[] {
  const moves: Key[] = [
    { keys: ["arrowup"], shown: ["↑ ↓ ← →"], does: "Move the image (or Space and drag)", run: () => display.pan(60, 0) },
    { keys: ["arrowdown"], shown: [], does: "", run: () => display.pan(-60, 0) },
    { keys: ["arrowleft"], shown: [], does: "", run: () => display.pan(0, 60) },
    { keys: ["arrowright"], shown: [], does: "", run: () => display.pan(0, -60) },
  ];
  return [
    { keys: ["f"], shown: ["F"], does: "Fit the image", run: () => display.fit() },
    { keys: ["pageup"], shown: ["PgUp"], does: "Zoom in (or the wheel)", run: () => display.zoom(1.25) },
    { keys: ["pagedown"], shown: ["PgDn"], does: "Zoom out", run: () => display.zoom(1 / 1.25) },
    ...(arrows ? moves : []),
  ];
}

/** Hide and show labels and outlines. */
export function labelKeys(display: Display): Key[] {
  return [
    { keys: ["h"], shown: ["H"], does: "Hide or show labels", run: () => (display.labels.value = !display.labels.value) },
    { keys: ["o"], shown: ["O"], does: "Outlines", run: () => (display.outlines.value = !display.outlines.value) },
  ];
}

/** 1 to 6 hide and show channels, where digits are not classes. */
export function channelKeys(session: AssignmentSession): Key[] {
  return [1, 2, 3, 4, 5, 6].map((number, i) => ({
    keys: [String(number)],
    shown: i === 0 ? ["1 – 6"] : [],
    does: i === 0 ? "Hide or show a channel" : "",
    run: () => {
      const display = session.picture.level.value?.channels[number - 1]?.display;
      if (display) display.value = { ...display.value, visible: !display.value.visible };
    },
  }));
}

export function sheetKey(toggle: () => void): Key {
  return { keys: ["?"], shown: ["?"], does: "This sheet", run: () => toggle() };
}

/** The entry for a key press, if there is one. Shift matters only where an entry says so, and such an entry comes first. */
export function keyFor(groups: readonly KeyGroup[], event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">): Key | null {
  if (event.altKey) return null;
  const ctrl = event.ctrlKey || event.metaKey;
  const name = event.key.toLowerCase();
  const all = groups.flatMap(({ keys }) => keys).filter((key) => key.keys.includes(name) && (key.ctrl ?? false) === ctrl);
  return (event.shiftKey ? all.find(({ shift }) => shift) : undefined) ?? all.find(({ shift }) => !shift) ?? null;
}

/** True where a key belongs to what has the focus: text, a slider under the arrows, a button under Space and Enter. */
function belongsElsewhere(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  if (document.querySelector("dialog[open]") || target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName)) return true;
  const typing = target instanceof HTMLInputElement && !/^(range|checkbox|radio|color)$/.test(target.type);
  const steps = target instanceof HTMLInputElement && /^(range|radio)$/.test(target.type);
  const presses = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement || target.tagName === "SUMMARY";
  return typing || (steps && /^(arrow|page|home|end)/i.test(event.key)) || (presses && event.key === "Enter" && !event.ctrlKey && !event.metaKey);
}

/** Keys go to the workbench unless somebody types, or a dialog is open. Space held down pans. */
export function useKeys(groups: readonly KeyGroup[], panning: Signal<boolean>, acted: () => void, blocked: () => boolean): void {
  // Before the page is painted: who sees the workbench may press a key at once.
  useLayoutEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (blocked() || belongsElsewhere(event)) return;
      if (event.key === " " && (event.target instanceof HTMLButtonElement || event.target instanceof HTMLInputElement)) return;
      const key = keyFor(groups, event);
      if (key) {
        event.preventDefault();
        acted();
        key.run(event);
      } else if (event.key === " ") {
        event.preventDefault();
        panning.value = true;
      }
    };
    const up = (event: KeyboardEvent) => {
      if (event.key === " ") panning.value = false;
    };
    const blur = () => (panning.value = false);
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", blur);
    return () => {
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", blur);
    };
  }, [groups]);
}

export function KeySheet({ groups, note, close }: { groups: readonly KeyGroup[]; note?: string; close: () => void }) {
  return (
    <Modal title="Keys" onClose={close} wide>
      <div class="key-sheet">
        {groups.map(({ group, keys }) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {keys
                .filter((key) => key.does !== "")
                .map((key) => (
                  <div key={key.does}>
                    <dt>
                      {key.shown.map((text) => (
                        <kbd key={text}>{text}</kbd>
                      ))}
                    </dt>
                    <dd>{key.does}</dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
      {note && <p class="dim">{note}</p>}
    </Modal>
  );
}
