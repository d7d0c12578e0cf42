/** Where a lineage is likely to be wrong: what a careful tracker looks at first. */

import type { Cell, Key } from "./cells";
import { missingFrames, type Lineage, type Track } from "./lineage";

export type SuspicionKind = "daughters" | "jump" | "gap" | "short" | "ends" | "begins" | "young-mother" | "unsure";

export interface Suspicion {
  readonly kind: SuspicionKind;
  /** Stays the same as long as the matter does. */
  readonly id: string;
  /** Where to look. */
  readonly cell: Cell;
  readonly track: Track;
  /** One line for the person. */
  readonly text: string;
}

/** Links of a draft below this certainty are worth a look. */
export const UNSURE = 0.6;
/** A track of at most so many cells, neither at the movie's ends nor at the border, is short. */
const SHORT = 2;
/** No cell divides again within so many frames of being born. */
const YOUNG = 2;
/** A robust deviation (1.4826 MAD) of the steps of a movie; from so many on a step is a jump. */
const FAR = 8;

interface Steps {
  /** Pixels per square root of a frame, beyond which a step is a jump; infinite where there are too few to tell. */
  readonly jump: number;
  /** Half of a typical cell's diameter, pixels. */
  readonly radius: number;
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values.length === 0 ? 0 : values[values.length >> 1]!;
}

function stepOf(from: Cell, to: Cell): number {
  return Math.hypot(to.y - from.y, to.x - from.x) / Math.sqrt(to.frame - from.frame);
}

function measureSteps(lineage: Lineage): Steps {
  const steps: number[] = [];
  const areas: number[] = [];
  for (const track of lineage.tracks)
    track.cells.forEach((cell, i) => {
      areas.push(cell.area);
      if (i > 0) steps.push(stepOf(track.cells[i - 1]!, cell));
    });
  const radius = Math.sqrt(median(areas) / Math.PI);
  if (steps.length < 20) return { jump: Infinity, radius };
  const middle = median(steps);
  const deviation = 1.4826 * median(steps.map((step) => Math.abs(step - middle)));
  return { jump: Math.max(middle + FAR * deviation, radius), radius };
}

/**
 * All suspicious events, by frame. `certainty`: how sure the draft was of a child's link; `draft`: the links it gave,
 * so that a link which the person has changed is not doubted for it.
 */
export function suspicions(lineage: Lineage, certainty: Readonly<Record<Key, number>> = {}, draft: Readonly<Record<Key, unknown>> = {}): Suspicion[] {
  const { detections } = lineage;
  const last = detections.frameCount - 1;
  const { jump, radius } = measureSteps(lineage);
  const nearBorder = ({ box }: Cell) =>
    box.y0 < radius || box.x0 < radius || box.y1 > detections.height - radius || box.x1 > detections.width - radius;
  const found: Suspicion[] = [];
  const note = (kind: SuspicionKind, cell: Cell, track: Track, text: string) =>
    found.push({ kind, id: `${kind} ${cell.key}`, cell, track, text });

  for (const track of lineage.tracks) {
    const first = track.cells[0]!;
    const final = track.cells.at(-1)!;
    const comesIn = track.begin > 0 && !track.mother && !nearBorder(first);
    const goesOut = track.end < last && track.daughters.length === 0 && !nearBorder(final);
    // A short track is one thing to look at, not three.
    if (track.cells.length <= SHORT && missingFrames(track) === 0 && (comesIn || track.mother) && goesOut)
      note("short", first, track, track.cells.length === 1 ? (track.mother ? "A daughter seen once" : "A cell linked to no other") : `Only ${track.cells.length} frames long`);
    else {
      if (comesIn) note("begins", first, track, "Begins inside the image");
      if (goesOut) note("ends", final, track, "Ends inside the image");
    }
    if (track.daughters.length > 2) note("daughters", final, track, `Divides into ${track.daughters.length}`);
    if (track.mother && track.daughters.length > 0 && track.end - track.begin < YOUNG) note("young-mother", final, track, "Divides right after birth");
    track.cells.forEach((cell, i) => {
      const before = i > 0 ? track.cells[i - 1]! : lineage.parentOf(cell.key);
      if (!before) return;
      const missed = cell.frame - before.frame - 1;
      if (missed > 0) note("gap", cell, track, missed === 1 ? "Missing in one frame" : `Missing in ${missed} frames`);
      const step = stepOf(before, cell);
      // Daughters lie beside where their mother was: they are allowed her radius more.
      if (step > jump + (i === 0 ? radius : 0)) note("jump", cell, track, `Jumps ${Math.round(Math.hypot(cell.y - before.y, cell.x - before.x))} px`);
      const sure = certainty[cell.key];
      if (sure !== undefined && sure < UNSURE && draft[cell.key] === before.key) note("unsure", cell, track, `The draft was ${Math.round(sure * 100)}% sure of this link`);
    });
  }
  return found.sort((a, b) => a.cell.frame - b.cell.frame || a.track.number - b.track.number);
}

/** The event after (or before) the place where the person is; round the end to the beginning. Null where there is none. */
export function nextSuspicion(events: readonly Suspicion[], current: string | null, frame: number, direction: 1 | -1): Suspicion | null {
  if (events.length === 0) return null;
  const at = current === null ? -1 : events.findIndex((event) => event.id === current);
  if (at !== -1) return events[(at + direction + events.length) % events.length]!;
  if (direction === 1) return events.find((event) => event.cell.frame >= frame) ?? events[0]!;
  return events.findLast((event) => event.cell.frame <= frame) ?? events.at(-1)!;
}
