/** What is usual in a movie: how far its cells go in a frame, how large they are, how long a cycle lasts. */

import type { Cell } from "./cells";
import type { Lineage } from "./lineage";

/** A robust deviation (1.4826 MAD) of the steps of a movie; from so many on a step is a jump. */
const FAR = 8;
/** Fewer steps, or fewer whole cycles, say nothing. */
const STEPS = 20;
const CYCLES = 8;
/** What is usual is measured anew when the links have become so many more or fewer. */
const CHANGED = 0.02;

export interface Usual {
  /** Pixels per square root of a frame, beyond which a step is a jump; infinite where there are too few to tell. */
  readonly jump: number;
  /** The middle one of all steps, pixels per square root of a frame; 0 where there are none. */
  readonly step: number;
  /** Half of a typical cell's diameter, pixels. */
  readonly radius: number;
  /** Frames from birth to division, the middle of all whole cycles; 0 where there are too few to tell. */
  readonly cycle: number;
  /** How many links it was measured on. */
  readonly links: number;
}

function median(values: number[]): number {
  if (values.length === 0) return 0;
  return Float64Array.from(values).sort()[values.length >> 1]!;
}

/** Pixels per square root of a frame: cells wander. */
export function stepOf(from: Cell, to: Cell): number {
  return Math.hypot(to.y - from.y, to.x - from.x) / Math.sqrt(to.frame - from.frame);
}

export function measureUsual(lineage: Lineage): Usual {
  const steps: number[] = [];
  const areas: number[] = [];
  const cycles: number[] = [];
  for (const track of lineage.tracks) {
    if (track.mother && track.daughters.length > 0) cycles.push(track.end - track.begin + 1);
    track.cells.forEach((cell, i) => {
      areas.push(cell.area);
      if (i > 0) steps.push(stepOf(track.cells[i - 1]!, cell));
    });
  }
  const radius = Math.sqrt(median(areas) / Math.PI);
  const step = median(steps);
  const cycle = cycles.length < CYCLES ? 0 : median(cycles);
  const { links } = lineage;
  if (steps.length < STEPS) return { jump: Infinity, step, radius, cycle, links };
  const deviation = 1.4826 * median(steps.map((each) => Math.abs(each - step)));
  return { jump: Math.max(step + FAR * deviation, radius), step, radius, cycle, links };
}

/** Whether so much has been linked or cut since that it should be measured again. */
export function outdated(usual: Usual, lineage: Lineage): boolean {
  return Math.abs(lineage.links - usual.links) > CHANGED * usual.links;
}
