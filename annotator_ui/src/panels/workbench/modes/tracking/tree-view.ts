/** Which part of the lineage tree is in sight, and where on the screen its frames and rows lie. */

import { signal } from "@preact/signals";

/** Of the axis above and the numbers beside the tree, CSS pixels. */
export const AXIS = 18;
export const GUTTER = 46;
const SPACE = 10;
/** Heights of a row to choose from: an overview, to be read, to be pointed at. */
export const ROW_HEIGHTS = [3, 5, 8, 12, 16, 22] as const;
const MOST_PIXELS = 60;

export class TreeView {
  readonly rowHeight = signal<number>(16);
  /** 1: all frames fit beside each other. */
  readonly stretch = signal(1);
  readonly top = signal(0);
  readonly left = signal(0);
  readonly height = signal(180);
  readonly width = signal(800);
  /** Numbers of the first tracks of families that are shown as one row. */
  readonly folded = signal<ReadonlySet<number>>(new Set());

  constructor(readonly frames: number) {}

  /** Pixels of a frame. */
  get perFrame(): number {
    return (Math.max(60, this.width.value - GUTTER - SPACE) / this.frames) * this.stretch.value;
  }

  /** Of all that can be scrolled through. */
  get contentWidth(): number {
    return GUTTER + SPACE + this.perFrame * this.frames;
  }

  contentHeight(rows: number): number {
    return AXIS + rows * this.rowHeight.value + this.rowHeight.value;
  }

  /** Where a frame begins on the screen. */
  x(frame: number): number {
    return GUTTER + frame * this.perFrame - this.left.value;
  }

  /** The middle of a row on the screen. */
  y(row: number): number {
    return AXIS + (row + 0.5) * this.rowHeight.value - this.top.value;
  }

  frameAt(x: number): number {
    return Math.min(this.frames - 1, Math.max(0, Math.floor((x + this.left.value - GUTTER) / this.perFrame)));
  }

  /** A fraction: row r reaches from r to r + 1. */
  rowAt(y: number): number {
    return (y + this.top.value - AXIS) / this.rowHeight.value;
  }

  /** First and last row in sight, the last not included. */
  get rows(): { from: number; to: number } {
    return { from: Math.floor(this.rowAt(AXIS)), to: Math.ceil(this.rowAt(this.height.value)) };
  }

  /** Longer or shorter frames, the one at `x` staying where it is. Returns where to scroll to. */
  zoomTime(factor: number, x: number): number {
    const at = (x + this.left.value - GUTTER) / this.perFrame;
    const most = Math.max(1, (MOST_PIXELS * this.stretch.value) / this.perFrame);
    this.stretch.value = Math.min(most, Math.max(1, this.stretch.value * factor));
    return Math.max(0, GUTTER + at * this.perFrame - x);
  }

  /** Higher or lower rows, what is in the middle staying there. Returns where to scroll to. */
  zoomRows(step: 1 | -1): number {
    const middle = this.rowAt(this.height.value / 2);
    const at = ROW_HEIGHTS.findIndex((height) => height === this.rowHeight.value);
    this.rowHeight.value = ROW_HEIGHTS[Math.min(ROW_HEIGHTS.length - 1, Math.max(0, at + step))]!;
    return Math.max(0, AXIS + middle * this.rowHeight.value - this.height.value / 2);
  }

  /** How far to scroll down so that a row is in sight; as it is where it is already. */
  topFor(row: number): number {
    const height = this.rowHeight.value;
    const from = row * height;
    const room = this.height.value - AXIS;
    if (from < this.top.value) return Math.max(0, from - room / 3);
    if (from + height > this.top.value + room) return from + height - (2 * room) / 3;
    return this.top.value;
  }

  fold(root: number): void {
    const folded = new Set(this.folded.peek());
    if (!folded.delete(root)) folded.add(root);
    this.folded.value = folded;
  }
}
