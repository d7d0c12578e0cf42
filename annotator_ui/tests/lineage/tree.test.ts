import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Lineage } from "../../src/lineage/lineage";
import { familiesIn, kin, placeOf, trackAt, TreeLayout } from "../../src/lineage/tree";
import { lineageOf, path } from "./movie";

const NONE: ReadonlySet<number> = new Set();

/** 0:1 divides into 1:1 (which divides again) and 1:2; 0:2 stands alone; 1:3 comes later. */
const LINKS = { "1:1": "0:1", "1:2": "0:1", "2:1": "1:1", "2:2": "1:1", "2:3": "1:2" };
const lineage = lineageOf([2, 3, 3], LINKS);
const tracks = (of: Lineage, key: string) => of.trackOf(key)!;

describe("the tree", () => {
  it("gives each track without daughters a row, and puts a mother in the middle of hers", () => {
    const tree = new TreeLayout().of(lineage, NONE);
    expect(tree.rows).toBe(5);
    expect(tree.families.map(({ root, top, rows, size }) => [path(root), top, rows, size])).toEqual([["0:1", 0, 3, 5], ["0:2", 3, 1, 1], ["1:3", 4, 1, 1]]);
    const rows = Object.fromEntries(tree.families[0]!.branches.map(({ track, row }) => [path(track), row]));
    expect(rows).toEqual({ "0:1": 1.25, "1:1": 0.5, "2:1": 0, "2:2": 1, "1:2 2:3": 2 });
  });

  it("folds a family into one row, as long as it lives", () => {
    const tree = new TreeLayout().of(lineage, new Set([tracks(lineage, "0:1").number]));
    const [family] = tree.families;
    expect([tree.rows, family!.folded, family!.end, family!.size, family!.branches.length]).toEqual([3, true, 2, 5, 1]);
    expect(placeOf(tree, tracks(lineage, "2:2"))!.row).toBe(0);
    expect(path(trackAt(tree, 0.5, 2))).toBe("0:1");
  });

  it("finds what lies under a point, and nothing where nothing is drawn", () => {
    const tree = new TreeLayout().of(lineage, NONE);
    expect(path(trackAt(tree, 1.7, 0))).toBe("0:1");
    expect(path(trackAt(tree, 0.4, 2))).toBe("2:1");
    expect(path(trackAt(tree, 2.5, 1))).toBe("1:2 2:3");
    expect(trackAt(tree, 4.5, 0)).toBeNull();
    expect(trackAt(tree, 40, 0)).toBeNull();
  });

  it("leads from a track to its kin and to what is drawn beside it", () => {
    const tree = new TreeLayout().of(lineage, NONE);
    const from = (key: string, step: Parameters<typeof kin>[2]) => path(kin(tree, tracks(lineage, key), step));
    expect([from("1:1", "mother"), from("1:1", "daughter"), from("2:1", "below"), from("0:2", "below"), from("0:2", "above")]).toEqual(["0:1", "2:1", "1:1", "1:3", "1:2 2:3"]);
    expect([from("0:1", "mother"), from("1:3", "below"), from("1:3", "daughter")]).toEqual(["", "", ""]);
  });

  it("keeps the place of families that an edit leaves alone", () => {
    const layout = new TreeLayout();
    const before = layout.of(lineage, NONE);
    const edited = lineage.after(new Map(Object.entries({ ...LINKS, "1:3": "0:2" })), ["1:3"]);
    const after = layout.of(edited, NONE);
    expect(after.families[0]!.branches).toBe(before.families[0]!.branches);
    expect(after.rows).toBe(4);
  });

  it("draws no two tracks of one time on each other, whatever the links", () => {
    const counts = [3, 4, 4, 4, 4, 4];
    const keys = counts.flatMap((count, frame) => Array.from({ length: count }, (_, i) => `${frame}:${i + 1}`));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...keys), fc.constantFrom(...keys)), { maxLength: 20 }), (pairs) => {
        const any = lineageOf(counts, Object.fromEntries(pairs));
        const tree = new TreeLayout().of(any, NONE);
        const drawn = tree.families.flatMap(({ top, branches }) => branches.map(({ track, row }) => ({ track, row: top + row })));
        expect(new Set(drawn.map(({ track }) => track))).toEqual(new Set(any.tracks));
        for (const [i, a] of drawn.entries())
          for (const b of drawn.slice(i + 1))
            if (Math.max(a.track.begin, b.track.begin) <= Math.min(a.track.end, b.track.end)) expect(Math.abs(a.row - b.row), `${path(a.track)} and ${path(b.track)}`).toBeGreaterThanOrEqual(0.5);
        for (const [from, to] of [[0, tree.rows], [1, 2]] as const)
          expect(familiesIn(tree, from, to)).toEqual(tree.families.filter(({ top, rows }) => top < to && top + rows > from));
      }),
      { numRuns: 120 },
    );
  });
});
