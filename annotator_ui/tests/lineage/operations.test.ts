import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameOf } from "../../src/lineage/cells";
import { assign, disappear, divide, link, newTrack, Refusal, swap, unlink, type Changes, type Scope } from "../../src/lineage/operations";
import { after, lineageOf, paths, type Told } from "./movie";

/** Two cells side by side through five frames. */
const counts = [2, 2, 2, 2, 2];
const straight: Told = Object.fromEntries([1, 2, 3, 4].flatMap((t) => [[`${t}:1`, `${t - 1}:1`], [`${t}:2`, `${t - 1}:2`]]));
const told = (links: Told = straight, sizes: readonly number[] = counts) => lineageOf(sizes, links);
const then = (changes: Changes, links: Told = straight, sizes: readonly number[] = counts) => paths(lineageOf(sizes, after(links, changes)));

describe("link", () => {
  it("joins two tracks", () => {
    expect(link(told({}, [1, 1]), "0:1", "1:1")).toEqual({ "1:1": "0:1" });
  });

  it("replaces the child's parent, and lets go of what the parent went on as", () => {
    expect(link(told(), "0:1", "1:2")).toEqual({ "1:1": null, "1:2": "0:1" });
    expect(then(link(told(), "0:1", "1:2"))).toEqual(["0:1 1:2 2:2 3:2 4:2", "0:2", "1:1 2:1 3:1 4:1"]);
  });

  it("makes a division where it is asked to stay beside", () => {
    expect(link(told(), "0:1", "1:2", true)).toEqual({ "1:2": "0:1" });
  });

  it("leads over a gap", () => {
    expect(link(told({}), "0:1", "3:2")).toEqual({ "3:2": "0:1" });
  });

  it("changes nothing where it is so already", () => {
    expect(link(told(), "0:1", "1:1")).toEqual({});
  });

  it("never leads to the same or an earlier frame, nor to a cell that is not there", () => {
    expect(() => link(told(), "1:1", "1:2")).toThrow(Refusal);
    expect(() => link(told(), "2:1", "1:2")).toThrow(Refusal);
    expect(() => link(told(), "0:1", "1:7")).toThrow(Refusal);
  });
});

describe("unlink and disappear", () => {
  it("cut before and after a cell", () => {
    expect(then(unlink(told(), "2:1"))).toContain("2:1 3:1 4:1");
    expect(disappear(told(), "2:1")).toEqual({ "3:1": null });
    expect(() => unlink(told(), "0:1")).toThrow(/begins/);
    expect(() => disappear(told(), "4:1")).toThrow(/ends/);
  });

  it("end a mother by letting both daughters go", () => {
    const links = { "1:1": "0:1", "1:2": "0:1" };
    expect(disappear(told(links, [1, 2]), "0:1")).toEqual({ "1:1": null, "1:2": null });
  });

  it("unlinking a daughter makes the other the mother's continuation", () => {
    const links = { "1:1": "0:1", "1:2": "0:1" };
    expect(then(unlink(told(links, [1, 2]), "1:2"), links, [1, 2])).toEqual(["0:1 1:1", "1:2"]);
  });

  it("begin a new track from here, up to here, or for this cell alone", () => {
    expect(newTrack(told(), "2:1", "future")).toEqual({ "2:1": null });
    expect(newTrack(told(), "2:1", "past")).toEqual({ "3:1": null });
    expect(newTrack(told(), "2:1", "this")).toEqual({ "2:1": null, "3:1": "1:1" });
    expect(newTrack(told(), "0:1", "this")).toEqual({ "1:1": null });
    expect(() => newTrack(told({}), "2:1", "this")).toThrow(Refusal);
  });
});

describe("divide", () => {
  it("gives the mother two daughters, whatever she went on as", () => {
    const changes = divide(told(straight, [2, 2, 2, 2, 2]), "1:1", "2:1", "2:2");
    expect(changes).toEqual({ "2:2": "1:1" });
    expect(then(changes)).toEqual(["0:1 1:1", "0:2 1:2", "2:1 3:1 4:1", "2:2 3:2 4:2"]);
    expect(divide(told({ "1:3": "0:1" }, [1, 3]), "0:1", "1:1", "1:2")).toEqual({ "1:3": null, "1:1": "0:1", "1:2": "0:1" });
  });

  it("takes daughters of different later frames, never earlier ones or one twice", () => {
    expect(divide(told({}), "0:1", "1:1", "2:2")).toEqual({ "1:1": "0:1", "2:2": "0:1" });
    expect(() => divide(told({}), "1:1", "1:2", "2:2")).toThrow(Refusal);
    expect(() => divide(told({}), "1:1", "2:2", "2:2")).toThrow(Refusal);
  });
});

describe("swap", () => {
  it("from this frame on", () => {
    expect(then(swap(told(), "2:1", "2:2", "future"))).toEqual(["0:1 1:1 2:2 3:2 4:2", "0:2 1:2 2:1 3:1 4:1"]);
  });

  it("up to this frame", () => {
    expect(then(swap(told(), "2:1", "2:2", "past"))).toEqual(["0:1 1:1 2:1 3:2 4:2", "0:2 1:2 2:2 3:1 4:1"]);
  });

  it("in this frame only", () => {
    expect(then(swap(told(), "2:1", "2:2", "this"))).toEqual(["0:1 1:1 2:2 3:1 4:1", "0:2 1:2 2:1 3:2 4:2"]);
  });

  it("hands over a beginning, an end, and daughters", () => {
    const links: Told = { "1:1": "0:1", "2:1": "1:1", "2:2": "1:1" };
    const sizes = [1, 2, 2];
    expect(then(swap(told(links, sizes), "1:1", "1:2", "future"), links, sizes)).toEqual(["0:1 1:2", "1:1", "2:1", "2:2"]);
    expect(then(swap(told(links, sizes), "1:1", "1:2", "past"), links, sizes)).toEqual(["0:1 1:1", "1:2", "2:1", "2:2"]);
    expect(swap(told(links, sizes), "1:1", "1:2", "past")).toEqual({ "2:1": "1:2", "2:2": "1:2" });
  });

  it("of sisters from here on is nothing; of a cell with itself, or over frames, is refused", () => {
    expect(swap(told({ "1:1": "0:1", "1:2": "0:1" }, [1, 2]), "1:1", "1:2", "future")).toEqual({});
    expect(() => swap(told(), "1:1", "1:1", "this")).toThrow(Refusal);
    expect(() => swap(told(), "1:1", "2:2", "this")).toThrow(Refusal);
  });
});

describe("assign", () => {
  const first = () => told().trackOf("0:1")!;

  it("from this frame on: what the track had there begins one of its own", () => {
    expect(then(assign(told(), "2:2", first(), "future"))).toEqual(["0:1 1:1 2:2 3:2 4:2", "0:2 1:2", "2:1 3:1 4:1"]);
  });

  it("up to this frame", () => {
    expect(then(assign(told(), "2:2", first(), "past"))).toEqual(["0:1 1:1 2:1", "0:2 1:2 2:2 3:1 4:1", "3:2 4:2"]);
  });

  it("this frame only: the other track closes up over the gap", () => {
    expect(then(assign(told(), "2:2", first(), "this"))).toEqual(["0:1 1:1 2:2 3:1 4:1", "0:2 1:2 3:2 4:2", "2:1"]);
  });

  it("fills a gap with a loose cell", () => {
    const links: Told = { "1:1": "0:1", "3:1": "1:1" };
    const sizes = [1, 1, 1, 1];
    const lineage = told(links, sizes);
    expect(assign(lineage, "2:1", lineage.trackOf("0:1")!, "this")).toEqual({ "2:1": "1:1", "3:1": "2:1" });
  });

  it("lengthens a track at its end and at its beginning", () => {
    const links: Told = { "2:1": "1:1" };
    const lineage = told(links, [1, 1, 1, 1]);
    expect(assign(lineage, "3:1", lineage.trackOf("1:1")!, "future")).toEqual({ "3:1": "2:1" });
    expect(assign(lineage, "3:1", lineage.trackOf("1:1")!, "this")).toEqual({ "3:1": "2:1" });
    expect(assign(lineage, "0:1", lineage.trackOf("1:1")!, "this")).toEqual({ "1:1": "0:1" });
    expect(assign(lineage, "0:1", lineage.trackOf("1:1")!, "past")).toEqual({ "1:1": "0:1" });
    expect(() => assign(lineage, "0:1", lineage.trackOf("1:1")!, "future")).toThrow(/before this frame/);
    expect(() => assign(lineage, "3:1", lineage.trackOf("1:1")!, "past")).toThrow(/after this frame/);
  });

  it("keeps the mother of a daughter that is lengthened backwards, or lets her go where she is later", () => {
    const links: Told = { "2:1": "0:1", "2:2": "0:1", "3:1": "2:1" };
    const sizes = [1, 1, 2, 1];
    const lineage = told(links, sizes);
    expect(then(assign(lineage, "1:1", lineage.trackOf("2:1")!, "this"), links, sizes)).toEqual(["0:1", "1:1 2:1 3:1", "2:2"]);
    expect(assign(lineage, "1:1", lineage.trackOf("2:1")!, "this")).toEqual({ "1:1": "0:1", "2:1": "1:1" });
  });

  it("does not lengthen a mother past her division; her daughters can be taken over up to this frame", () => {
    const links: Told = { "1:1": "0:1", "1:2": "0:1", "2:1": "1:1" };
    const sizes = [2, 2, 2];
    const lineage = told(links, sizes);
    expect(() => assign(lineage, "2:2", lineage.trackOf("0:1")!, "future")).toThrow(/divided/);
    expect(() => assign(lineage, "2:2", lineage.trackOf("0:1")!, "this")).toThrow(/divided/);
    expect(assign(lineage, "0:2", lineage.trackOf("0:1")!, "past")).toEqual({ "1:1": "0:2", "1:2": "0:2" });
    expect(() => assign(lineage, "0:1", lineage.trackOf("0:1")!, "past")).toThrow(/already/);
  });
});

describe("any operation", () => {
  const scopes: Scope[] = ["past", "this", "future"];
  const node = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 3 })).map(([t, id]) => `${t}:${id}`);
  const step = fc.record({ name: fc.constantFrom("link", "beside", "unlink", "divide", "swap", "assign", "end", "new"), a: node, b: node, c: node, scope: fc.constantFrom(...scopes) });
  const sizes = [3, 3, 3, 3, 3];

  it("leaves a forest that leads forward in time, with every cell in one track, and can be taken back", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        let links: Told = {};
        for (const { name, a, b, c, scope } of steps) {
          const lineage = lineageOf(sizes, links);
          let changes: Changes;
          try {
            if (name === "link" || name === "beside") changes = link(lineage, a, b, name === "beside");
            else if (name === "unlink") changes = unlink(lineage, a);
            else if (name === "divide") changes = divide(lineage, a, b, c);
            else if (name === "swap") changes = swap(lineage, a, b, scope);
            else if (name === "assign") changes = assign(lineage, a, lineage.trackOf(b)!, scope);
            else if (name === "end") changes = disappear(lineage, a);
            else changes = newTrack(lineage, a, scope);
          } catch (error) {
            if (error instanceof Refusal) continue;
            throw error;
          }
          for (const [child, parent] of Object.entries(changes)) {
            expect(parent === null || frameOf(parent) < frameOf(child)).toBe(true);
            expect(links[child] ?? null).not.toBe(parent);
          }
          const before = links;
          links = after(links, changes);
          const result = lineageOf(sizes, links);
          expect(result.tracks.reduce((sum, track) => sum + track.cells.length, 0)).toBe(15);
          expect(result.links).toBe(Object.keys(links).length);
          for (const track of result.tracks) expect(new Set(track.cells.map(({ frame }) => frame)).size).toBe(track.cells.length);
          const undo = Object.fromEntries(Object.keys(changes).map((child) => [child, before[child] ?? null]));
          expect(after(links, undo)).toEqual(before);
          if (name === "swap") expect(result.links).toBe(lineage.links);
          if (name === "assign") {
            // The cell now lies in one track with what the track had on the side that was meant.
            const own = result.trackOf(a)!;
            const track = lineage.trackOf(b)!;
            if (scope !== "past") for (const cell of track.cells) if (cell.frame < frameOf(a)) expect(own.cells).toContainEqual(cell);
            if (scope !== "future") for (const cell of track.cells) if (cell.frame > frameOf(a)) expect(own.cells).toContainEqual(cell);
          }
        }
      }),
      { numRuns: 400 },
    );
  });
});
