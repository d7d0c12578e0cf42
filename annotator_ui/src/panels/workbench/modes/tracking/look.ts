/** What the screen shows beside image and masks. Nothing here is work. */

import { signal, type Signal } from "@preact/signals";

/** Frames that trails reach back; the first is none. */
export const TRAIL_LENGTHS = [0, 5, 10, 25, 1000] as const;

export class Look {
  readonly trails = signal<number>(10);
  /** Outlines of the selected track's cells before and after this frame. */
  readonly onion = signal(true);
  /** Track numbers beside the cells. */
  readonly numbers = signal(false);
  /** Keep the selected cell in the middle. */
  readonly centred = signal(false);
  /** The tree below the picture. */
  readonly tree: Signal<boolean>;
  /** On a small screen: the side with lists is open. */
  readonly lists = signal(false);

  constructor(tree = true) {
    this.tree = signal(tree);
  }

  nextTrails(): void {
    const at = TRAIL_LENGTHS.findIndex((length) => length === this.trails.peek());
    this.trails.value = TRAIL_LENGTHS[(at + 1) % TRAIL_LENGTHS.length]!;
  }
}

export function trailName(length: number): string {
  return length === 0 ? "none" : length >= 1000 ? "whole" : `${length} frames`;
}
