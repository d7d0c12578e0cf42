/** Tracks out of links: what the person's answers say about who is who over time. */

import type { Cell, Detections, Key } from "./cells";

/** What is kept: child `"frame:id"` -> parent `"frame:id"`. A cell without an entry begins a track. */
export type Links = ReadonlyMap<Key, unknown>;

/** One cell over time. A gap does not end it, a division does: her daughters are tracks of their own. */
export interface Track {
  /** What people call it; see `TrackNumbers`. */
  readonly number: number;
  /** In order of time, one a frame at most. */
  readonly cells: readonly Cell[];
  /** First and last frame, both included. */
  readonly begin: number;
  readonly end: number;
  readonly mother: Track | null;
  readonly daughters: readonly Track[];
}

/** Gives each first cell of a track a number and keeps it: an edit elsewhere renames nobody. */
export class TrackNumbers {
  private readonly numbers = new Map<Key, number>();

  of(first: Key): number {
    let number = this.numbers.get(first);
    if (number === undefined) this.numbers.set(first, (number = this.numbers.size + 1));
    return number;
  }
}

interface Growing {
  number: number;
  cells: Cell[];
  begin: number;
  end: number;
  mother: Growing | null;
  daughters: Growing[];
}

export class Lineage {
  /** By begin, then by the first cell's id. */
  readonly tracks: readonly Track[];
  readonly divisions: number;
  /** Cells that are linked to no other. */
  readonly unlinked: number;
  private readonly parents = new Map<Key, Cell>();
  private readonly children = new Map<Key, Cell[]>();
  private readonly byCell = new Map<Key, Track>();
  private readonly byNumber = new Map<number, Track>();

  /** Links to cells that `detections` lacks are passed over; so are those that do not lead forward in time. */
  constructor(
    readonly detections: Detections,
    links: Links,
    numbers = new TrackNumbers(),
  ) {
    for (let frame = 0; frame < detections.frameCount; frame++)
      for (const cell of detections.at(frame)) {
        const value = links.get(cell.key);
        const parent = typeof value === "string" ? detections.get(value) : undefined;
        if (!parent || parent.frame >= frame) continue;
        this.parents.set(cell.key, parent);
        const siblings = this.children.get(parent.key);
        if (siblings) siblings.push(cell);
        else this.children.set(parent.key, [cell]);
      }
    const tracks: Growing[] = [];
    const trackOf = this.byCell as Map<Key, Growing>;
    for (let frame = 0; frame < detections.frameCount; frame++)
      for (const cell of detections.at(frame)) {
        const parent = this.parents.get(cell.key);
        const before = parent && trackOf.get(parent.key)!;
        if (before && this.children.get(parent.key)!.length === 1) {
          before.cells.push(cell);
          before.end = frame;
          trackOf.set(cell.key, before);
          continue;
        }
        const track: Growing = { number: numbers.of(cell.key), cells: [cell], begin: frame, end: frame, mother: before ?? null, daughters: [] };
        before?.daughters.push(track);
        tracks.push(track);
        trackOf.set(cell.key, track);
      }
    this.tracks = tracks;
    for (const track of this.tracks) this.byNumber.set(track.number, track);
    this.divisions = tracks.filter((track) => track.daughters.length > 0).length;
    this.unlinked = tracks.filter((track) => track.cells.length === 1 && !track.mother && track.daughters.length === 0).length;
  }

  /** How many cells have a parent. */
  get links(): number {
    return this.parents.size;
  }

  parentOf(key: Key): Cell | null {
    return this.parents.get(key) ?? null;
  }

  /** In order of time: none, the cell it goes on as, or daughters. */
  childrenOf(key: Key): readonly Cell[] {
    return this.children.get(key) ?? [];
  }

  trackOf(key: Key): Track | null {
    return this.byCell.get(key) ?? null;
  }

  track(number: number): Track | null {
    return this.byNumber.get(number) ?? null;
  }
}

/** The track's last cell at or before `frame`; null where it begins later. */
export function lastUpTo(track: Track, frame: number): Cell | null {
  // By bisection: the list has one cell a frame at most.
  let low = 0;
  let high = track.cells.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (track.cells[middle]!.frame <= frame) low = middle + 1;
    else high = middle;
  }
  return track.cells[low - 1] ?? null;
}

/** The track's cell in `frame`; null in a gap and outside of its time. */
export function cellIn(track: Track, frame: number): Cell | null {
  const cell = lastUpTo(track, frame);
  return cell?.frame === frame ? cell : null;
}

/** Frames between the track's first and last cell that have none of its cells. */
export function missingFrames(track: Track): number {
  return track.end - track.begin + 1 - track.cells.length;
}
