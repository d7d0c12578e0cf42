/** Tracks out of links: what the person's answers say about who is who over time. */

import { LayeredMap } from "../labels/layered-map";
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

/** Frame by frame, of each cell of that frame by its place in `detections.at`. Rows are copied before they are written to. */
type Table<T> = (T | undefined)[][];

const NONE: readonly Cell[] = [];

function inTime(a: Cell, b: Cell): number {
  return a.frame - b.frame || a.id - b.id;
}

export class Lineage {
  /** By begin, then by the first cell's id. */
  readonly tracks: readonly Track[];
  readonly divisions: number;
  /** Cells that are linked to no other. */
  readonly unlinked: number;
  /** How many cells have a parent. */
  readonly links: number;
  private readonly parents: Table<Cell>;
  private readonly children: Table<readonly Cell[]>;
  private readonly owners: Table<Track>;
  private readonly byNumber: ReadonlyMap<number, Track>;

  /**
   * Links to cells that `detections` lacks are passed over; so are those that do not lead forward in time.
   * @param past: a lineage of the same detections and which children are linked differently since; see `after`.
   */
  constructor(
    readonly detections: Detections,
    links: Links,
    private readonly numbers = new TrackNumbers(),
    past: { readonly lineage: Lineage; readonly changed: Iterable<Key> } | null = null,
  ) {
    const frames = Array.from({ length: detections.frameCount }, (_, frame) => frame);
    const before = past?.lineage;
    this.parents = before ? before.parents.slice() : frames.map(() => []);
    this.children = before ? before.children.slice() : frames.map(() => []);
    this.owners = before ? before.owners.slice() : frames.map(() => []);
    let linked = before?.links ?? 0;
    const own = new Set<(unknown | undefined)[]>(before ? [] : [...this.parents, ...this.children, ...this.owners]);
    const put = <T>(table: Table<T>, { frame, id }: Cell, value: T | undefined) => {
      let row = table[frame]!;
      if (!own.has(row)) own.add((row = table[frame] = row.slice()));
      row[detections.placeOf(frame, id)] = value;
    };
    const relink = (cell: Cell, parent: Cell | null) => {
      const old = this.of(this.parents, cell);
      if (old) put(this.children, old, this.of(this.children, old)!.filter((child) => child !== cell));
      const siblings = parent && this.of(this.children, parent);
      if (parent) put(this.children, parent, siblings?.length ? [...siblings, cell].sort(inTime) : [cell]);
      put(this.parents, cell, parent ?? undefined);
      linked += (parent ? 1 : 0) - (old ? 1 : 0);
    };
    const parentIn = (cell: Cell) => {
      const value = links.get(cell.key);
      const parent = typeof value === "string" ? detections.get(value) : undefined;
      return parent && parent.frame < cell.frame ? parent : null;
    };

    let cells: Cell[];
    const stale = new Set<Track>();
    if (before) {
      for (const key of past.changed) {
        const cell = detections.get(key);
        const parent = cell && parentIn(cell);
        if (!cell || parent === before.parentOf(key)) continue;
        for (const each of [cell, parent, before.parentOf(key)]) {
          const track = each && before.trackOf(each.key);
          if (track && !stale.has(track)) for (const kin of familyOf(track)) stale.add(kin);
        }
        relink(cell, parent!);
      }
      cells = [...stale].flatMap((track) => track.cells).sort(inTime);
    } else {
      cells = frames.flatMap((frame) => detections.at(frame));
      for (const cell of cells) {
        const parent = parentIn(cell);
        if (parent) relink(cell, parent);
      }
    }
    const grown: Track[] = [];
    for (const cell of cells) {
      const parent = this.of(this.parents, cell);
      const into = parent && (this.of(this.owners, parent) as Growing);
      if (into && this.of(this.children, parent)!.length === 1) {
        into.cells.push(cell);
        into.end = cell.frame;
        put(this.owners, cell, into as Track);
        continue;
      }
      const track: Growing = { number: numbers.of(cell.key), cells: [cell], begin: cell.frame, end: cell.frame, mother: into ?? null, daughters: [] };
      into?.daughters.push(track);
      grown.push(track);
      put(this.owners, cell, track as Track);
    }
    this.tracks = before ? [...before.tracks.filter((track) => !stale.has(track)), ...grown].sort((a, b) => inTime(a.cells[0]!, b.cells[0]!)) : grown;
    this.byNumber = new Map(this.tracks.map((track) => [track.number, track]));
    this.divisions = this.tracks.filter((track) => track.daughters.length > 0).length;
    this.unlinked = this.tracks.filter((track) => track.cells.length === 1 && !track.mother && track.daughters.length === 0).length;
    this.links = linked;
  }

  /**
   * This movie after `changed` children have got other entries in `links`. Only the families concerned are made anew;
   * every other track stays the same object, so what was found out about it can be kept.
   */
  after(links: Links, changed: Iterable<Key>): Lineage {
    return new Lineage(this.detections, links, this.numbers, { lineage: this, changed });
  }

  private of<T>(table: Table<T>, { frame, id }: Cell): T | undefined {
    return table[frame]![this.detections.placeOf(frame, id)];
  }

  private in<T>(table: Table<T>, key: Key): T | undefined {
    const cell = this.detections.get(key);
    return cell && this.of(table, cell);
  }

  parentOf(key: Key): Cell | null {
    return this.in(this.parents, key) ?? null;
  }

  /** In order of time: none, the cell it goes on as, or daughters. */
  childrenOf(key: Key): readonly Cell[] {
    return this.in(this.children, key) ?? NONE;
  }

  trackOf(key: Key): Track | null {
    return this.in(this.owners, key) ?? null;
  }

  track(number: number): Track | null {
    return this.byNumber.get(number) ?? null;
  }
}

/** Everyone who comes from the same first cell as `track`. */
export function familyOf(track: Track): Set<Track> {
  let root = track;
  while (root.mother) root = root.mother;
  const family = new Set<Track>();
  const waiting = [root];
  while (waiting.length > 0) {
    const next = waiting.pop()!;
    family.add(next);
    waiting.push(...next.daughters);
  }
  return family;
}

/** The keys whose entries differ. */
export function changedLinks(before: Links, after: Links): Key[] {
  const layered = LayeredMap.changed(before, after);
  if (layered) return layered;
  const changed: Key[] = [];
  let kept = 0;
  for (const [key, value] of after) {
    if (before.get(key) !== value) changed.push(key);
    if (before.has(key)) kept++;
  }
  if (kept < before.size) for (const key of before.keys()) if (!after.has(key)) changed.push(key);
  return changed;
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

/** First and last frame of each stretch of a track without a gap. */
export function stretches(track: Track): [number, number][] {
  if (missingFrames(track) === 0) return [[track.begin, track.end]];
  const found: [number, number][] = [];
  for (const { frame } of track.cells) {
    const last = found.at(-1);
    if (last && last[1] === frame - 1) last[1] = frame;
    else found.push([frame, frame]);
  }
  return found;
}
