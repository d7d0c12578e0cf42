/** Delete cell: one click takes the whole cell away. */

import { BACKGROUND } from "../labels/label-map";
import type { Operation, Tool } from "./tool";

/** The operations that delete cell `id`, for the tool and for the key. */
export function deleteOperations(id: number, selected: number | null): readonly Operation[] {
  if (id === BACKGROUND) return [];
  const unselect: Operation[] = selected === id ? [{ kind: "select", id: null }] : [];
  return [
    { kind: "apply", tool: "delete-cell", params: { cell: id }, act: (stroke) => stroke.replaceCell(id, BACKGROUND) },
    ...unselect,
  ];
}

export const deleteCell: Tool<null> = {
  id: "delete-cell",
  idle: null,
  step(_, event, scene) {
    return [null, event.kind === "down" ? deleteOperations(scene.cellAt(event.at), scene.selected) : []];
  },
};
