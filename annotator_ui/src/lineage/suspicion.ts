/** Where a lineage is likely to be wrong: what a careful tracker looks at first. */

import type { Cell, Key } from "./cells";
import { missingFrames, type Lineage, type Track } from "./lineage";
import { measureUsual, outdated, stepOf, type Usual } from "./usual";

export type SuspicionKind = "daughters" | "jump" | "gap" | "short" | "ends" | "begins" | "young-mother" | "unsure" | "merge" | "proposed";

export interface Suspicion {
  readonly kind: SuspicionKind;
  /** Stays the same as long as the matter does. */
  readonly id: string;
  /** Where to look. */
  readonly cell: Cell;
  readonly track: Track;
  /** Of a merge: the last cell of the track that ends there. Of a proposed link: its parent. */
  readonly other?: Cell;
  /** One line for the person. */
  readonly text: string;
}

/** Links of a draft below this certainty are worth a look. */
export const UNSURE = 0.6;
/** A track of at most so many cells, neither at the movie's ends nor at the border, is short. */
const SHORT = 2;
/** No cell divides again within so many frames of being born, nor within this share of the movie's usual cycle. */
const YOUNG = 2;
const QUICK = 0.4;
/** A mask that takes up a second cell is at least so much larger than it was in the frame before. */
const TAKES_UP = 1.35;

/**
 * Finds suspicious places, and looks again only at what an edit has made anew.
 *
 * `certainty`: how sure the draft was of a child's link; `draft`: the links it gave, so that a link which the person has
 * changed is not doubted for it.
 */
export class Watch {
  private found = new WeakMap<Track, readonly Suspicion[]>();
  /** What is usual in the movie that was looked at last. */
  usual: Usual | null = null;
  private last: Lineage | null = null;

  constructor(
    private readonly certainty: Readonly<Record<Key, number>> = {},
    private readonly draft: Readonly<Record<Key, unknown>> = {},
  ) {}

  /** All suspicious events, by frame. */
  look(lineage: Lineage): Suspicion[] {
    if (!this.usual || this.last?.detections !== lineage.detections || outdated(this.usual, lineage)) {
      this.usual = measureUsual(lineage);
      this.found = new WeakMap();
    }
    this.last = lineage;
    const events: Suspicion[] = [];
    for (const track of lineage.tracks) {
      let found = this.found.get(track);
      if (!found) this.found.set(track, (found = this.lookAt(lineage, track, this.usual)));
      events.push(...found);
    }
    // A track that ends in a merge is one thing to look at, not two.
    const merged = merges(lineage, events, this.usual);
    const ended = new Set(merged.map(({ other }) => `ends ${other!.key}`));
    return [...events.filter(({ id }) => !ended.has(id)), ...merged].sort((a, b) => a.cell.frame - b.cell.frame || a.track.number - b.track.number);
  }

  private lookAt(lineage: Lineage, track: Track, { jump, radius, cycle }: Usual): Suspicion[] {
    const { detections } = lineage;
    const last = detections.frameCount - 1;
    const nearBorder = ({ box }: Cell) =>
      box.y0 < radius || box.x0 < radius || box.y1 > detections.height - radius || box.x1 > detections.width - radius;
    const found: Suspicion[] = [];
    const note = (kind: SuspicionKind, cell: Cell, text: string) => found.push({ kind, id: `${kind} ${cell.key}`, cell, track, text });

    const first = track.cells[0]!;
    const final = track.cells.at(-1)!;
    const comesIn = track.begin > 0 && !track.mother && !nearBorder(first);
    const goesOut = track.end < last && track.daughters.length === 0 && !nearBorder(final);
    // A short track is one thing to look at, not three.
    if (track.cells.length <= SHORT && missingFrames(track) === 0 && (comesIn || track.mother) && goesOut)
      note("short", first, track.cells.length === 1 ? (track.mother ? "A daughter seen once" : "A cell linked to no other") : `Only ${track.cells.length} frames long`);
    else {
      if (comesIn) note("begins", first, "Begins inside the image");
      if (goesOut) note("ends", final, "Ends inside the image");
    }
    if (track.daughters.length > 2) note("daughters", final, `Divides into ${track.daughters.length}`);
    if (track.mother && track.daughters.length > 0) {
      const age = track.end - track.begin;
      if (age < YOUNG) note("young-mother", final, "Divides right after birth");
      else if (age < QUICK * cycle) note("young-mother", final, `Divides after ${age + 1} frames, others after ${cycle}`);
    }
    track.cells.forEach((cell, i) => {
      const before = i > 0 ? track.cells[i - 1]! : lineage.parentOf(cell.key);
      if (!before) return;
      const missed = cell.frame - before.frame - 1;
      if (missed > 0) note("gap", cell, missed === 1 ? "Missing in one frame" : `Missing in ${missed} frames`);
      const step = stepOf(before, cell);
      // Daughters lie beside where their mother was: they are allowed her radius more.
      if (step > jump + (i === 0 ? radius : 0)) note("jump", cell, `Jumps ${Math.round(Math.hypot(cell.y - before.y, cell.x - before.x))} px`);
      const sure = this.certainty[cell.key];
      if (sure !== undefined && sure < UNSURE && this.draft[cell.key] === before.key) note("unsure", cell, `The draft was ${Math.round(sure * 100)}% sure of this link`);
    });
    return found;
  }
}

/** Tracks that end where the mask of another grows over them: two cells that the mask holds as one. */
function merges(lineage: Lineage, events: readonly Suspicion[], { radius }: Usual): Suspicion[] {
  const found: Suspicion[] = [];
  for (const { kind, cell, track } of events) {
    if (kind !== "ends") continue;
    for (const next of lineage.detections.at(cell.frame + 1)) {
      const { box } = next;
      if (cell.y < box.y0 || cell.y >= box.y1 || cell.x < box.x0 || cell.x >= box.x1) continue;
      const before = lineage.parentOf(next.key);
      if (!before || before.frame !== cell.frame || next.area < TAKES_UP * before.area) continue;
      if (Math.hypot(before.y - cell.y, before.x - cell.x) > 6 * radius) continue;
      found.push({ kind: "merge", id: `merge ${cell.key} ${next.key}`, cell: next, track: lineage.trackOf(next.key)!, other: cell, text: `May hold track ${track.number} too: one mask for two cells` });
    }
  }
  return found;
}

/** All suspicious events of a lineage looked at once. */
export function suspicions(lineage: Lineage, certainty: Readonly<Record<Key, number>> = {}, draft: Readonly<Record<Key, unknown>> = {}): Suspicion[] {
  return new Watch(certainty, draft).look(lineage);
}

/** The event after (or before) the place where the person is; round the end to the beginning. Null where there is none. */
export function nextSuspicion(events: readonly Suspicion[], current: string | null, frame: number, direction: 1 | -1): Suspicion | null {
  if (events.length === 0) return null;
  const at = current === null ? -1 : events.findIndex((event) => event.id === current);
  if (at !== -1) return events[(at + direction + events.length) % events.length]!;
  if (direction === 1) return events.find((event) => event.cell.frame >= frame) ?? events[0]!;
  return events.findLast((event) => event.cell.frame <= frame) ?? events.at(-1)!;
}
