/** The lineage as a list: each mother followed by her daughters, indented, as a tree lying on its side. */

import type { Lineage, Track } from "./lineage";

export interface FamilyRow {
  readonly track: Track;
  /** 0: nobody's daughter. */
  readonly depth: number;
  /** The row of the mother in the same list; -1 where she is not in it. */
  readonly mother: number;
}

export type ListFilter = "all" | "frame" | "divisions" | "unlinked";

function keeps(filter: ListFilter, frame: number): (track: Track) => boolean {
  switch (filter) {
    case "all":
      return () => true;
    case "frame":
      return (track) => track.begin <= frame && frame <= track.end;
    case "divisions":
      return (track) => track.mother !== null || track.daughters.length > 0;
    case "unlinked":
      return (track) => track.cells.length === 1 && track.mother === null && track.daughters.length === 0;
  }
}

/** Rows in order: families by the begin of their oldest, a mother before her daughters. */
export function familyRows(lineage: Lineage, filter: ListFilter = "all", frame = 0): FamilyRow[] {
  const kept = keeps(filter, frame);
  const rows: FamilyRow[] = [];
  for (const root of lineage.tracks) {
    if (root.mother) continue;
    // Not by recursion: a family may be as deep as the movie is long.
    const waiting = [{ track: root, depth: 0, mother: -1 }];
    while (waiting.length > 0) {
      const { track, depth, mother } = waiting.pop()!;
      const keep = kept(track);
      if (keep) rows.push({ track, depth, mother });
      const here = keep ? rows.length - 1 : mother;
      for (const daughter of [...track.daughters].reverse()) waiting.push({ track: daughter, depth: keep ? depth + 1 : depth, mother: here });
    }
  }
  return rows;
}
