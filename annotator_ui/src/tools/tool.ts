/** What a tool is: a pure state machine from pointer events to operations. It holds nothing and touches nothing. */

import type { PointerEdit, ToolName, ToolParams } from "../labels/editor";
import type { Plane } from "../labels/plane";
import type { Point } from "../labels/raster";
import type { Over, Stroke } from "../labels/stroke";

export interface PointerStep {
  /** `finish`: Enter was pressed while a tool waits for another point. A waiting tool is told of moves with no button down. */
  readonly kind: "down" | "move" | "up" | "cancel" | "finish";
  /** Continuous image coordinates, pixels. */
  readonly at: Point;
  /** Screen coordinates, CSS pixels. */
  readonly screen: Point;
  readonly shift: boolean;
  /** A button is down, or was until this step. */
  readonly pressed: boolean;
  /** Of a pen, 0 to 1; 1 of everything else. */
  readonly pressure: number;
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
  /** The shown channel; null until the image is there in full, and where none is shown. */
  readonly plane: Plane | null;
  /** How much intensities of one region may differ, of the window they are shown in, 0 to 1. */
  readonly tolerance: number;
}

export type ToolId = PointerEdit | "pan" | "picker";

/** What a tool shows of what it will do. */
export interface Sketch {
  readonly points: readonly Point[];
  readonly closed: boolean;
  /** A word beside the last point. */
  readonly says?: string;
}

export type Operation =
  | { readonly kind: "begin"; readonly tool: ToolName; readonly params: ToolParams }
  | { readonly kind: "paint"; readonly from: Point; readonly to: Point; readonly radius: number; readonly id: number; readonly over: Over }
  | { readonly kind: "fill-circled"; readonly id: number; readonly over: Over }
  | { readonly kind: "apply"; readonly tool: ToolName; readonly params: ToolParams; readonly act: (stroke: Stroke) => void }
  | { readonly kind: "again"; readonly params: ToolParams; readonly act: (stroke: Stroke) => void }
  | { readonly kind: "commit" }
  | { readonly kind: "abort" }
  | { readonly kind: "select"; readonly id: number | null }
  | { readonly kind: "pan"; readonly dy: number; readonly dx: number }
  | { readonly kind: "switch"; readonly tool: ToolId }
  | { readonly kind: "sketch"; readonly sketch: Sketch | null }
  | { readonly kind: "tolerance"; readonly tolerance: number };

/** `State` is the tool's own; it starts as `idle`. With no button down and in another state, it waits for a further point. */
export interface Tool<State> {
  readonly id: ToolId;
  readonly idle: State;
  step(state: State, event: PointerStep, scene: Scene): readonly [State, readonly Operation[]];
}
