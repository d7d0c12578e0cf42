/** Keys that go from cell to cell and take cells away. */

import { cellOperations, type CellAction } from "../../tools/cell-actions";
import type { AssignmentSession } from "../../session/assignment";
import type { Display } from "./display";
import type { Key } from "./keys";

/** Select the next or previous cell by id, and bring it into sight. */
function step(session: AssignmentSession, display: Display, direction: 1 | -1): void {
  const { map } = session.editor;
  const ids = map.ids();
  if (ids.length === 0) return;
  const at = ids.indexOf(session.selected.value ?? -1);
  const id = ids[(at + direction + ids.length + (at === -1 && direction === -1 ? 1 : 0)) % ids.length]!;
  session.selected.value = id;
  const box = map.extent(id);
  if (box) display.show({ y: (box.y0 + box.y1) / 2, x: (box.x0 + box.x1) / 2 });
}

/** The cell under the pointer, else the selected one, else 0. */
function meant(session: AssignmentSession, display: Display): number {
  const under = display.pointer.value ? session.scene().cellAt(display.pointer.value) : 0;
  return under || (session.selected.value ?? 0);
}

function deleteMeant(session: AssignmentSession, display: Display): void {
  const id = meant(session, display);
  if (id) session.deleteCell(id);
}

export interface CellActionChoice {
  readonly action: CellAction;
  readonly key: string;
  readonly shown: string;
  readonly label: string;
  readonly does: string;
}

/** What is done to one cell, as keys and as buttons. */
export const CELL_ACTIONS: readonly CellActionChoice[] = [
  { action: "fill-holes", key: "f", shown: "⇧ F", label: "Fill holes", does: "Fill its holes" },
  { action: "smooth", key: "s", shown: "⇧ S", label: "Smooth", does: "Smooth its outline" },
  { action: "grow", key: "arrowup", shown: "⇧ ↑", label: "Grow", does: "Grow it by a pixel all around" },
  { action: "shrink", key: "arrowdown", shown: "⇧ ↓", label: "Shrink", does: "Shrink it by a pixel all around" },
];

/** Keys for the cell under the pointer, else the selected one. */
export function actionKeys(session: AssignmentSession, display: Display): Key[] {
  return CELL_ACTIONS.map(({ action, key, shown, does }) => ({
    keys: [key],
    shift: true,
    shown: [shown],
    does,
    run: () => session.perform(cellOperations(action, meant(session, display))),
  }));
}

/** Enter and Escape for tools that wait for a further point; Escape lets go of the cell where none does. */
export function waitingKeys(session: AssignmentSession): Key[] {
  return [
    { keys: ["enter"], shown: ["↵"], does: "Close the polygon", run: () => void session.finishTool() },
    {
      keys: ["escape"],
      shown: ["Esc"],
      does: "Give up what was begun, else let go of the cell",
      run: () => {
        if (!session.leaveTool()) session.selected.value = null;
      },
    },
  ];
}

export function cellKeys(session: AssignmentSession, display: Display): Key[] {
  return [
    {
      keys: ["d", "delete", "backspace"],
      shown: ["D", "Del"],
      does: "Delete the cell under the pointer, else the selected one",
      run: () => deleteMeant(session, display),
    },
    { keys: ["."], shown: ["."], does: "Next cell", run: () => step(session, display, 1) },
    { keys: [","], shown: [","], does: "Previous cell", run: () => step(session, display, -1) },
    ...waitingKeys(session),
  ];
}
