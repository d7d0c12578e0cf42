/** What wand and threshold share: press in a cell, and drag right or left until the region is the cell. */

import type { ToolName, ToolParams } from "../labels/editor";
import type { Stroke } from "../labels/stroke";
import { selecting, type Target } from "./target";
import type { Operation, PointerStep } from "./tool";

/** What the drag found so far. `more`: of the shown contrast, how far the drag went, -1 to 1. */
export interface Growth {
  readonly tool: ToolName;
  readonly target: Target;
  act(stroke: Stroke, more: number): number;
  params(more: number): ToolParams;
  /** What stands beside the pointer. */
  says(more: number): string;
}

export type Growing = { readonly kind: "idle" } | { readonly kind: "growing"; readonly from: PointerStep; readonly growth: Growth };

export const STILL: Growing = { kind: "idle" };
/** CSS pixels of a drag through all of the shown contrast. */
const SPAN = 400;

function at(state: Extract<Growing, { kind: "growing" }>, event: PointerStep): readonly Operation[] {
  const { growth, from } = state;
  const more = dragged(event, from);
  return [
    { kind: "again", params: { ...growth.target.params, ...growth.params(more) }, act: (stroke) => void growth.act(stroke, more) },
    ...selecting(growth.target),
    { kind: "sketch", sketch: { points: [event.at], closed: false, says: growth.says(more) } },
  ];
}

export function beginGrowing(event: PointerStep, growth: Growth): readonly [Growing, readonly Operation[]] {
  const state = { kind: "growing", from: event, growth } as const;
  return [state, [{ kind: "begin", tool: growth.tool, params: growth.target.params }, ...at(state, event)]];
}

/** Every step after the first. `ends`: what else is done when the button is let go, given how far the drag went. */
export function goOnGrowing(state: Growing, event: PointerStep, ends: (event: PointerStep, from: PointerStep) => readonly Operation[] = () => []): readonly [Growing, readonly Operation[]] {
  if (state.kind === "idle" || event.kind === "finish" || event.kind === "down") return [state, []];
  const gone: Operation = { kind: "sketch", sketch: null };
  if (event.kind === "cancel") return [STILL, [{ kind: "abort" }, gone]];
  if (event.kind === "move") return [state, at(state, event)];
  return [STILL, [...ends(event, state.from), { kind: "commit" }, gone]];
}

/** How far a drag went from where it began, of the shown contrast, -1 to 1. */
export function dragged(event: PointerStep, from: PointerStep): number {
  return Math.max(-1, Math.min(1, (event.screen.x - from.screen.x) / SPAN));
}
