/** The keyboard: what each key does, and the sheet that says so. One table feeds both. */

import type { AssignmentSession } from "../../session/assignment";
import { Modal } from "../modal";
import type { Display } from "./display";
import { resized, TOOLS } from "./tool-rail";

export interface Bench {
  readonly session: AssignmentSession;
  readonly display: Display;
  submit(): void;
  toggleSheet(): void;
}

interface Key {
  /** `event.key` in lower case; with `ctrl` Control or Command is down too. */
  readonly keys: readonly string[];
  readonly ctrl?: boolean;
  readonly shift?: boolean;
  /** As the sheet writes it. */
  readonly shown: readonly string[];
  readonly does: string;
  readonly run: (bench: Bench) => void;
}

/** Select the next or previous cell by id, and bring it into sight. */
function step({ session, display }: Bench, direction: 1 | -1): void {
  const { map } = session.editor;
  const ids = map.ids();
  if (ids.length === 0) return;
  const at = ids.indexOf(session.selected.value ?? -1);
  const id = ids[(at + direction + ids.length + (at === -1 && direction === -1 ? 1 : 0)) % ids.length]!;
  session.selected.value = id;
  let sumY = 0;
  let sumX = 0;
  for (let i = map.data.indexOf(id); i !== -1; i = map.data.indexOf(id, i + 1)) {
    sumY += Math.floor(i / map.width);
    sumX += i % map.width;
  }
  display.show({ y: sumY / map.area(id), x: sumX / map.area(id) });
}

function deleteUnderPointer({ session, display }: Bench): void {
  const under = display.pointer.value ? session.scene().cellAt(display.pointer.value) : 0;
  const id = under || session.selected.value;
  if (id) session.deleteCell(id);
}

const NUMBERS: Key[] = [1, 2, 3, 4, 5, 6].map((number) => ({
  keys: [String(number)],
  shown: [],
  does: "",
  run: ({ session }) => {
    const display = session.picture.level.value?.channels[number - 1]?.display;
    if (display) display.value = { ...display.value, visible: !display.value.visible };
  },
}));

export const KEYS: readonly { group: string; keys: readonly Key[] }[] = [
  {
    group: "Tools",
    keys: [
      ...TOOLS.map(({ id, key, label }): Key => ({
        keys: [key.toLowerCase()],
        shown: [key],
        does: label,
        run: ({ session }) => (session.tool.value = id),
      })),
      { keys: ["[", "-"], shown: ["["], does: "Smaller brush", run: ({ session }) => (session.radius.value = resized(session.radius.value, -1)) },
      { keys: ["]", "+", "="], shown: ["]"], does: "Larger brush", run: ({ session }) => (session.radius.value = resized(session.radius.value, 1)) },
      { keys: ["p"], shown: ["P"], does: "Protect other cells, or paint over them", run: ({ session }) => (session.protect.value = !session.protect.value) },
      { keys: ["c"], shown: ["C"], does: "Fill what I circle", run: ({ session }) => (session.fillCircled.value = !session.fillCircled.value) },
    ],
  },
  {
    group: "Cells",
    keys: [
      { keys: ["d", "delete", "backspace"], shown: ["D", "Del"], does: "Delete the cell under the pointer, else the selected one", run: deleteUnderPointer },
      { keys: ["."], shown: ["."], does: "Next cell", run: (bench) => step(bench, 1) },
      { keys: [","], shown: [","], does: "Previous cell", run: (bench) => step(bench, -1) },
      { keys: ["escape"], shown: ["Esc"], does: "Let go of the cell", run: ({ session }) => (session.selected.value = null) },
      { keys: ["z"], ctrl: true, shift: true, shown: [], does: "", run: ({ session }) => session.redo() },
      { keys: ["z"], ctrl: true, shown: ["Z", "Ctrl Z"], does: "Undo", run: ({ session }) => session.undo() },
      { keys: ["z"], shown: [], does: "", run: ({ session }) => session.undo() },
      { keys: ["y"], ctrl: true, shown: [], does: "", run: ({ session }) => session.redo() },
      { keys: ["y"], shown: ["Y", "Ctrl Y"], does: "Redo", run: ({ session }) => session.redo() },
      { keys: ["enter"], ctrl: true, shown: ["Ctrl ↵"], does: "Submit and take the next image", run: (bench) => bench.submit() },
    ],
  },
  {
    group: "View",
    keys: [
      { keys: ["f"], shown: ["F"], does: "Fit the image", run: ({ display }) => display.fit() },
      { keys: ["pageup"], shown: ["PgUp"], does: "Zoom in (or the wheel)", run: ({ display }) => display.zoom(1.25) },
      { keys: ["pagedown"], shown: ["PgDn"], does: "Zoom out", run: ({ display }) => display.zoom(1 / 1.25) },
      { keys: ["arrowup"], shown: ["↑ ↓ ← →"], does: "Move the image (or Space and drag)", run: ({ display }) => display.pan(60, 0) },
      { keys: ["arrowdown"], shown: [], does: "", run: ({ display }) => display.pan(-60, 0) },
      { keys: ["arrowleft"], shown: [], does: "", run: ({ display }) => display.pan(0, 60) },
      { keys: ["arrowright"], shown: [], does: "", run: ({ display }) => display.pan(0, -60) },
      { keys: ["h"], shown: ["H"], does: "Hide or show labels", run: ({ display }) => (display.labels.value = !display.labels.value) },
      { keys: ["o"], shown: ["O"], does: "Outlines", run: ({ display }) => (display.outlines.value = !display.outlines.value) },
      { ...NUMBERS[0]!, shown: ["1 – 6"], does: "Hide or show a channel" },
      ...NUMBERS.slice(1),
      { keys: ["?"], shown: ["?"], does: "This sheet", run: (bench) => bench.toggleSheet() },
    ],
  },
];

/** The entry for a key press, if there is one. Shift matters only where an entry says so. */
export function keyFor(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">): Key | null {
  if (event.altKey) return null;
  const ctrl = event.ctrlKey || event.metaKey;
  const name = event.key.toLowerCase();
  for (const { keys } of KEYS)
    for (const key of keys)
      if (key.keys.includes(name) && (key.ctrl ?? false) === ctrl && (!key.shift || event.shiftKey)) return key;
  return null;
}

export function KeySheet({ close }: { close: () => void }) {
  return (
    <Modal title="Keys" onClose={close} wide>
      <div class="key-sheet">
        {KEYS.map(({ group, keys }) => (
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
      <p class="dim">Shift with New cell adds to the selected cell. The right mouse button erases with any tool.</p>
    </Modal>
  );
}
