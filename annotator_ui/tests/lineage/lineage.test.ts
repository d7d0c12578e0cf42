import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Detections, frameOf, idOf, measureFrame } from "../../src/lineage/cells";
import { trackColour, trackRgb } from "../../src/lineage/colours";
import { familyRows } from "../../src/lineage/family";
import { cellIn, changedLinks, familyOf, lastUpTo, Lineage, missingFrames, TrackNumbers } from "../../src/lineage/lineage";
import { nearest, nearestCell, neighbour, trails } from "../../src/lineage/trails";
import { cell, lineageOf, movie, path, paths } from "./movie";

describe("cells of a frame", () => {
  it("are measured by id: area, centroid, box", () => {
    // prettier-ignore
    const labels = [
      0, 7, 7, 0,
      2, 0, 7, 0,
      2, 2, 0, 0,
    ];
    expect(measureFrame(3, labels, 3, 4)).toEqual([
      { key: "3:2", frame: 3, id: 2, area: 3, y: (1.5 + 2.5 + 2.5) / 3, x: (0.5 + 0.5 + 1.5) / 3, box: { y0: 1, x0: 0, y1: 3, x1: 2 } },
      { key: "3:7", frame: 3, id: 7, area: 3, y: (0.5 + 0.5 + 1.5) / 3, x: (1.5 + 2.5 + 2.5) / 3, box: { y0: 0, x0: 1, y1: 2, x1: 3 } },
    ]);
  });

  it("keep two pieces of one id together and ids of any size apart", () => {
    const cells = measureFrame(0, [4294967295, 0, 4294967295, 1], 1, 4);
    expect(cells.map(({ id, area }) => [id, area])).toEqual([[1, 1], [4294967295, 2]]);
  });

  it("come frame by frame; what was read before stays", () => {
    const none = Detections.empty(3, 10, 10);
    const one = none.with(new Map([[1, [cell(1, 4, 5, 5)]]]));
    expect([none.measured, one.measured, one.complete]).toEqual([0, 1, false]);
    expect(one.get("1:4")?.id).toBe(4);
    expect(none.get("1:4")).toBeUndefined();
    expect(one.with(new Map([[0, []], [2, []]])).complete).toBe(true);
    expect([frameOf("12:340"), idOf("12:340")]).toEqual([12, 340]);
  });
});

describe("a lineage", () => {
  it("follows one child, over gaps, and begins tracks at a division", () => {
    const lineage = lineageOf([1, 1, 0, 1, 2, 2], { "1:1": "0:1", "3:1": "1:1", "4:1": "3:1", "4:2": "3:1", "5:2": "4:2" });
    expect(paths(lineage)).toEqual(["0:1 1:1 3:1", "4:1", "4:2 5:2", "5:1"]);
    const mother = lineage.trackOf("3:1")!;
    expect(mother.daughters.map(path)).toEqual(["4:1", "4:2 5:2"]);
    expect(lineage.trackOf("5:2")!.mother).toBe(mother);
    expect(missingFrames(mother)).toBe(1);
    expect([mother.begin, mother.end]).toEqual([0, 3]);
    expect([lineage.tracks.length, lineage.divisions, lineage.unlinked, lineage.links]).toEqual([4, 1, 1, 5]);
    expect(lineage.childrenOf("3:1").map(({ key }) => key)).toEqual(["4:1", "4:2"]);
    expect(lineage.parentOf("0:1")).toBeNull();
  });

  it("takes daughters that appear in different frames", () => {
    const lineage = lineageOf([1, 1, 1], { "1:1": "0:1", "2:1": "0:1" });
    expect(lineage.trackOf("0:1")!.daughters.map(path)).toEqual(["1:1", "2:1"]);
  });

  it("passes over links to cells that are not there, and backwards ones", () => {
    const lineage = lineageOf([1, 1], { "1:1": "0:9", "0:1": "1:1", "7:7": "0:1" });
    expect(paths(lineage)).toEqual(["0:1", "1:1"]);
  });

  it("finds a track's cell in a frame, and the last before", () => {
    const track = lineageOf([1, 1, 0, 1], { "1:1": "0:1", "3:1": "1:1" }).tracks[0]!;
    expect(cellIn(track, 2)).toBeNull();
    expect(lastUpTo(track, 2)?.key).toBe("1:1");
    expect(cellIn(track, 3)?.key).toBe("3:1");
    expect(lastUpTo(track, -1)).toBeNull();
    expect(nearestCell(track, 2).key).toBe("1:1");
    expect(nearestCell(track, -5).key).toBe("0:1");
  });

  it("keeps a track's number when others come and go", () => {
    const numbers = new TrackNumbers();
    const counts = [2, 2];
    const before = lineageOf(counts, { "1:1": "0:1", "1:2": "0:2" }, numbers);
    expect(before.trackOf("0:2")!.number).toBe(2);
    const cut = lineageOf(counts, { "1:2": "0:2" }, numbers);
    expect([cut.trackOf("0:1")!.number, cut.trackOf("0:2")!.number, cut.trackOf("1:1")!.number]).toEqual([1, 2, 3]);
    expect(lineageOf(counts, { "1:1": "0:1", "1:2": "0:2" }, numbers).trackOf("1:2")!.number).toBe(2);
    expect(cut.track(3)).toBe(cut.trackOf("1:1"));
    expect(cut.track(9)).toBeNull();
  });

  it("reads 40,000 cells", () => {
    const frames = 200;
    const cells = Array.from({ length: frames }, (_, frame) => Array.from({ length: 200 }, (_, i) => cell(frame, i + 1, i, i))).flat();
    const links = new Map(cells.filter(({ frame }) => frame > 0).map(({ key, frame, id }) => [key, `${frame - 1}:${id}`]));
    const lineage = new Lineage(movie(frames, cells), links);
    expect(lineage.tracks.length).toBe(200);
    expect(lineage.tracks.every((track) => track.cells.length === frames)).toBe(true);
  });
});

describe("the list", () => {
  const lineage = lineageOf([2, 2, 2, 2], { "1:1": "0:1", "1:2": "0:1", "2:1": "1:2", "2:2": "1:2", "3:2": "2:2" });
  const shown = (rows: ReturnType<typeof familyRows>) => rows.map(({ track, depth, mother }) => [path(track), depth, mother]);

  it("has each mother before her daughters, oldest family first", () => {
    expect(shown(familyRows(lineage))).toEqual([
      ["0:1", 0, -1],
      ["1:1", 1, 0],
      ["1:2", 1, 0],
      ["2:1", 2, 2],
      ["2:2 3:2", 2, 2],
      ["0:2", 0, -1],
      ["3:1", 0, -1],
    ]);
  });

  it("shows who is there in a frame, families, or loose cells", () => {
    expect(shown(familyRows(lineage, "frame", 2))).toEqual([["2:1", 0, -1], ["2:2 3:2", 0, -1]]);
    expect(familyRows(lineage, "divisions").length).toBe(5);
    expect(shown(familyRows(lineage, "unlinked"))).toEqual([["0:2", 0, -1], ["3:1", 0, -1]]);
  });

  it("knows a whole family from any of its members", () => {
    expect([...familyOf(lineage.trackOf("2:1")!)].map(path).sort()).toEqual(["0:1", "1:1", "1:2", "2:1", "2:2 3:2"]);
  });

  it("holds a family as deep as a long movie", () => {
    const counts = Array.from({ length: 3000 }, (_, frame) => (frame === 0 ? 1 : 2));
    const links: Record<string, string> = {};
    for (let frame = 1; frame < counts.length; frame++) links[`${frame}:1`] = links[`${frame}:2`] = `${frame - 1}:1`;
    expect(familyRows(lineageOf(counts, links)).at(-1)!.depth).toBe(1);
    expect(familyRows(lineageOf(counts, links)).length).toBe(5999);
  });
});

describe("trails", () => {
  const lineage = new Lineage(
    movie(4, [cell(0, 1, 10, 10), cell(1, 1, 10, 20), cell(2, 1, 5, 30), cell(2, 2, 15, 30), cell(3, 2, 15, 40)]),
    new Map(Object.entries({ "1:1": "0:1", "2:1": "1:1", "2:2": "1:1", "3:2": "2:2" })),
  );
  const drawn = (frame: number, length: number) => trails(lineage, frame, length).map(({ path }) => path.map(({ key }) => key).join(" "));

  it("reach back so many frames, through the mother", () => {
    expect(drawn(3, 10)).toEqual(["0:1 1:1", "1:1 2:1", "1:1 2:2 3:2"]);
    expect(drawn(3, 1)).toEqual(["2:2 3:2"]);
    expect(drawn(1, 10)).toEqual(["0:1 1:1"]);
    expect(drawn(0, 10)).toEqual([]);
  });

  it("find the neighbour in a direction, and the nearest", () => {
    const cells = [cell(0, 1, 100, 100), cell(0, 2, 100, 140), cell(0, 3, 150, 105), cell(0, 4, 95, 180)];
    expect(neighbour(cells, cells[0]!, 0, 1)?.id).toBe(2);
    expect(neighbour(cells, cells[0]!, 1, 0)?.id).toBe(3);
    expect(neighbour(cells, cells[0]!, 0, -1)).toBeNull();
    expect(nearest(cells, { y: 140, x: 120 })?.id).toBe(3);
    expect(nearest([], { y: 0, x: 0 })).toBeNull();
  });
});

describe("colours", () => {
  it("are written as the style sheet and the palette read them", () => {
    for (let number = 1; number < 50; number++) expect(trackColour(number)).toMatch(/^#[0-9a-f]{6}$/);
    expect(trackColour(7)).toBe(trackColour(7));
  });

  it("are bright on black and apart for neighbours", () => {
    for (let number = 1; number < 300; number++) {
      const [r, g, b] = trackRgb(number);
      expect(0.21 * r + 0.72 * g + 0.07 * b).toBeGreaterThan(0.35);
      const next = trackRgb(number + 1);
      expect(Math.hypot(r - next[0], g - next[1], b - next[2])).toBeGreaterThan(0.1);
    }
  });
});

describe("a lineage after edits", () => {
  const COUNTS = [3, 3, 2, 0, 3, 3, 2];
  const keys = COUNTS.flatMap((count, frame) => Array.from({ length: count }, (_, i) => `${frame}:${i + 1}`));
  /** All that can be told of a lineage, in words. */
  const told = (lineage: Lineage) => ({
    tracks: lineage.tracks.map((track) => `${path(track)} of ${path(track.mother)} into ${track.daughters.map(path).join("+")} ${track.begin}-${track.end}`),
    cells: keys.map((key) => `${key} in ${path(lineage.trackOf(key))} from ${lineage.parentOf(key)?.key} to ${lineage.childrenOf(key).map((child) => child.key)}`),
    counts: [lineage.links, lineage.divisions, lineage.unlinked],
  });
  const link = fc.tuple(fc.constantFrom(...keys), fc.option(fc.constantFrom(...keys), { nil: null }));

  it("is what it would be if made from all links, its numbers stay, and what was before stays as it was", () => {
    fc.assert(
      fc.property(fc.array(fc.array(link, { maxLength: 4 }), { maxLength: 8 }), (edits) => {
        const detections = lineageOf(COUNTS, {}).detections;
        const numbers = new TrackNumbers();
        let links: ReadonlyMap<string, string> = new Map();
        let lineage = new Lineage(detections, links, numbers);
        for (const edit of edits) {
          const next = new Map(links);
          for (const [child, parent] of edit) parent === null ? next.delete(child) : next.set(child, parent);
          const before = told(lineage);
          const edited = lineage.after(next, changedLinks(links, next));
          expect(told(lineage)).toEqual(before);
          const fresh = new Lineage(detections, next);
          expect(told(edited)).toEqual(told(fresh));
          for (const track of edited.tracks) {
            expect(track.number).toBe(numbers.of(track.cells[0]!.key));
            expect(edited.track(track.number)).toBe(track);
            for (const daughter of track.daughters) expect(daughter.mother).toBe(track);
          }
          [links, lineage] = [next, edited];
        }
      }),
      { numRuns: 150 },
    );
  });

  it("keeps the tracks of other families", () => {
    const links = new Map([["1:1", "0:1"], ["1:2", "0:2"], ["2:2", "1:2"]]);
    const lineage = lineageOf([3, 3, 3], Object.fromEntries(links));
    const edited = lineage.after(new Map([...links, ["2:1", "1:1"]]), ["2:1"]);
    expect(edited.trackOf("0:2")).toBe(lineage.trackOf("0:2"));
    expect(path(edited.trackOf("0:1"))).toBe("0:1 1:1 2:1");
    expect(path(lineage.trackOf("0:1"))).toBe("0:1 1:1");
  });
});
