/** What a tool is: a pure state machine from pointer events to operations. It holds nothing and touches nothing. */

import type { ToolName, ToolParams } from "../labels/editor";
import type { Point } from "../labels/raster";
import type { Over } from "../labels/stroke";

export interface PointerStep {
  readonly kind: "down" | "move" | "up" | "cancel";
  /** Continuous image coordinates, pixels. */
  readonly at: Point;
  /** Screen coordinates, CSS pixels. */
  readonly screen: Point;
  readonly shift: boolean;
}

/** What a tool may know of the picture and of the person's settings. */
export interface Scene {
  /** Id of the cell at a point; 0 for background and outside. */
  cellAt(at: Point): number;
  nextId(): number;
  readonly selected: number | null;
  /** Where ids are classes: the one that every stroke paints. Null where they are cells. */
  readonly paintClass: number | null;
  /** Brush radius, image pixels. */
  readonly radius: number;
  /** Other cells are not painted over. */
  readonly protect: boolean;
  /** What a stroke circles is filled. */
  readonly fillCircled: boolean;
}

export type ToolId = "brush" | "eraser" | "new-cell" | "delete-cell" | "pan" | "picker";

export type Operation =
  | { readonly kind: "begin"; readonly tool: ToolName; readonly params: ToolParams }
  | { readonly kind: "paint"; readonly from: Point; readonly to: Point; readonly radius: number; readonly id: number; readonly over: Over }
  | { readonly kind: "fill-circled"; readonly id: number; readonly over: Over }
  | { readonly kind: "erase-cell"; readonly id: number }
  | { readonly kind: "commit" }
  | { readonly kind: "abort" }
  | { readonly kind: "select"; readonly id: number | null }
  | { readonly kind: "pan"; readonly dy: number; readonly dx: number }
  | { readonly kind: "switch"; readonly tool: ToolId };

/** `State` is the tool's own; `idle` is where it starts and where it is whenever no button is down. */
export interface Tool<State> {
  readonly id: ToolId;
  readonly idle: State;
  step(state: State, event: PointerStep, scene: Scene): readonly [State, readonly Operation[]];
}
