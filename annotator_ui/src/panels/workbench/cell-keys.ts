/** Keys that go from cell to cell and take cells away. */

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
  let sumY = 0;
  let sumX = 0;
  for (let i = map.data.indexOf(id); i !== -1; i = map.data.indexOf(id, i + 1)) {
    sumY += Math.floor(i / map.width);
    sumX += i % map.width;
  }
  display.show({ y: sumY / map.area(id), x: sumX / map.area(id) });
}

function deleteUnderPointer(session: AssignmentSession, display: Display): void {
  const under = display.pointer.value ? session.scene().cellAt(display.pointer.value) : 0;
  const id = under || session.selected.value;
  if (id) session.deleteCell(id);
}

export function cellKeys(session: AssignmentSession, display: Display): Key[] {
  return [
    {
      keys: ["d", "delete", "backspace"],
      shown: ["D", "Del"],
      does: "Delete the cell under the pointer, else the selected one",
      run: () => deleteUnderPointer(session, display),
    },
    { keys: ["."], shown: ["."], does: "Next cell", run: () => step(session, display, 1) },
    { keys: [","], shown: [","], does: "Previous cell", run: () => step(session, display, -1) },
    { keys: ["escape"], shown: ["Esc"], does: "Let go of the cell", run: () => (session.selected.value = null) },
  ];
}
