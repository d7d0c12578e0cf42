/** What a tool that makes a region writes: a new cell, with Shift the selected one, or the class in hand. */

import type { ToolParams } from "../labels/editor";
import type { Over } from "../labels/stroke";
import type { Operation, PointerStep, Scene } from "./tool";

export interface Target {
  readonly id: number;
  readonly over: Over;
  readonly params: ToolParams;
  /** Whether the cell is to be selected. */
  readonly selects: boolean;
}

export function targetOf(event: Pick<PointerStep, "shift">, scene: Scene): Target {
  const over: Over = { kind: scene.protect ? "background" : "anything" };
  if (scene.paintClass !== null) return { id: scene.paintClass, over, params: { class: scene.paintClass }, selects: false };
  const id = event.shift && scene.selected !== null ? scene.selected : scene.nextId();
  return { id, over, params: { cell: id }, selects: true };
}

export function selecting({ id, selects }: Target): readonly Operation[] {
  return selects ? [{ kind: "select", id }] : [];
}
