/** The reading being made, pixels and values: one edit at a time, undo, redo, and who wants to know. No DOM, no network. */

import { fillEnclosed } from "./fill";
import { History, type PastEdit, type Step } from "./history";
import type { LabelMap } from "./label-map";
import type { Point } from "./raster";
import { union, type Rect } from "./rect";
import { Stroke, type Over } from "./stroke";
import { applyDelta, TILE, type Delta } from "./tiles";
import { applyChanges, changesTo, isEmpty, NO_CHANGES, type Changes, type Value, type Values } from "./values";

/** What the pointer changes cells by. */
export type PointerEdit =
  | "brush"
  | "eraser"
  | "new-cell"
  | "delete-cell"
  | "polygon"
  | "lasso"
  | "wand"
  | "threshold"
  | "fill-region"
  | "split-line"
  | "split-points"
  | "merge";
/** What a line of edits calls them; the hub keeps the name and asks no more of it. */
export type ToolName = PointerEdit | "fill-holes" | "smooth" | "grow" | "shrink" | "relabel" | "undo" | "redo";
export type ToolParams = Record<string, number | boolean | string>;

/** A finished change, ready for the journal. */
export interface LocalEdit {
  /** A painting tool, or the name a mode gives what it does to the values. */
  readonly tool: string;
  readonly params: ToolParams;
  readonly delta: Delta;
  readonly changes: Changes;
}

export interface EditorListener {
  /** Pixels in `rect` changed and want redrawing. */
  drawn(rect: Rect): void;
  /** The values are others now. */
  valued?(values: Values): void;
  /** A change is complete. Called before the next one can begin. */
  edited(edit: LocalEdit): void;
}

interface OpenStroke {
  readonly stroke: Stroke;
  readonly tool: ToolName;
  readonly params: ToolParams;
}

export class Editor {
  readonly history: History;
  private open: OpenStroke | null = null;

  /** @param lasting - keys whose value, once said, is not taken back. */
  constructor(
    public map: LabelMap,
    private readonly listener: EditorListener,
    public values: Values = new Map(),
    lasting: ReadonlySet<string> = new Set(),
  ) {
    this.history = new History(lasting);
  }

  get drawing(): boolean {
    return this.open !== null;
  }

  begin(tool: ToolName, params: ToolParams): void {
    this.commit();
    this.open = { stroke: new Stroke(this.map), tool, params };
  }

  // A stroke may end under the hand (undo, a hidden page, a line brought together): what the hand still does to it is nothing.

  paint(from: Point, to: Point, radius: number, id: number, over: Over): void {
    const rect = this.open?.stroke.paintCapsule(from, to, radius, id, over);
    if (rect) this.listener.drawn(rect);
  }

  /** Fill what this stroke circled. Only where it closed a loop, judged inside the stroke's own box. */
  fillCircled(id: number, over: Over): void {
    const stroke = this.open?.stroke;
    if (!stroke?.box) return;
    if (fillEnclosed(stroke, id, stroke.box, over) > 0 && stroke.box) this.listener.drawn(stroke.box);
  }

  /** One change from end to end: one edit, one step of undo. */
  apply(tool: ToolName, params: ToolParams, act: (stroke: Stroke) => void): void {
    this.begin(tool, params);
    this.again(params, act);
    this.commit();
  }

  /** What the open stroke did is taken back, and `act` done in its place: a drag that looks for the right measure. */
  again(params: ToolParams, act: (stroke: Stroke) => void): void {
    if (!this.open) return;
    const { stroke, tool } = this.open;
    const before = stroke.reset();
    act(stroke);
    this.open = { stroke, tool, params };
    const box = union(before, stroke.box);
    if (box) this.listener.drawn(box);
  }

  /** End the stroke. One that changed nothing leaves no trace. */
  commit(): void {
    const open = this.open;
    if (!open) return;
    this.open = null;
    const delta = open.stroke.finish();
    if (delta.length === 0) return;
    this.take({ tool: open.tool, params: open.params, delta, changes: NO_CHANGES });
  }

  /** Say something: `wanted` key -> value, null to take it back. One step of undo. False where all of it was said already. */
  change(tool: string, params: ToolParams, wanted: Readonly<Record<string, Value | null>>): boolean {
    this.commit();
    const changes = changesTo(this.values, wanted);
    if (isEmpty(changes)) return false;
    this.value(changes);
    this.take({ tool, params, delta: [], changes });
    return true;
  }

  private take(edit: LocalEdit): void {
    this.history.push(edit);
    this.listener.edited(edit);
  }

  /** Give the stroke up and put back what it changed. */
  abort(): void {
    const open = this.open;
    if (!open) return;
    this.open = null;
    this.draw(open.stroke.finish());
  }

  undo(): boolean {
    this.commit();
    return this.step("undo", this.history.undo());
  }

  redo(): boolean {
    this.commit();
    return this.step("redo", this.history.redo());
  }

  private step(tool: "undo" | "redo", step: Step | null): boolean {
    if (!step) return false;
    this.draw(step.delta);
    this.value(step.changes);
    this.listener.edited({ tool, params: {}, ...step });
    return true;
  }

  /** Put another reading in place (after a rebase), with the line of edits that made it. */
  replace(map: LabelMap, values: Values, past: readonly PastEdit[]): void {
    this.open = null;
    this.map = map;
    this.values = values;
    this.history.replay(past);
    this.listener.valued?.(values);
    this.listener.drawn({ y0: 0, x0: 0, y1: map.height, x1: map.width });
  }

  private value(changes: Changes): void {
    if (isEmpty(changes)) return;
    this.values = applyChanges(this.values, changes);
    this.listener.valued?.(this.values);
  }

  private draw(delta: Delta): void {
    applyDelta(this.map, delta);
    for (const tile of delta) {
      this.listener.drawn({ y0: tile.y * TILE, x0: tile.x * TILE, y1: (tile.y + 1) * TILE, x1: (tile.x + 1) * TILE });
    }
  }
}
