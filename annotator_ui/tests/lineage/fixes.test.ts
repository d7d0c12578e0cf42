import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changedLinks, Lineage } from "../../src/lineage/lineage";
import { fixOf, linksOf } from "../../src/lineage/fixes";
import { suspicions, Watch } from "../../src/lineage/suspicion";
import { measureUsual } from "../../src/lineage/usual";
import { after, cell, movie, paths, type Told } from "./movie";

type Cells = ReturnType<typeof cell>[];

/** Eight cells that move a pixel a frame; `calm(8)` is well linked. */
function calm(frames: number): { cells: Cells; links: Told } {
  const cells: Cells = [];
  const links: Told = {};
  for (let t = 0; t < frames; t++)
    for (let id = 1; id <= 8; id++) {
      cells.push(cell(t, id, 20 + 20 * id, 100 + t));
      if (t > 0) links[`${t}:${id}`] = `${t - 1}:${id}`;
    }
  return { cells, links };
}

function lineageOf(frames: number, cells: Cells, links: Told): Lineage {
  return new Lineage(movie(frames, cells), new Map(Object.entries(links)));
}

/** Take the fix of the first event of a kind; what it says, and the links after it. */
function fixed(frames: number, cells: Cells, links: Told, id: string, certainty: Record<string, number> = {}) {
  const lineage = lineageOf(frames, cells, links);
  const event = suspicions(lineage, certainty, links).find((each) => each.id === id);
  if (!event) throw new Error(`${id} is not among ${suspicions(lineage, certainty, links).map((each) => each.id).join(", ")}`);
  const fix = fixOf(lineage, measureUsual(lineage), event);
  return { text: fix?.text ?? null, links: fix && after(links, fix.changes), shown: fix && linksOf(lineage, fix).map(({ from, to, kind }) => `${kind} ${from.key} ${to.key}`) };
}

describe("the fix of a suspicious place", () => {
  it("links a cut track again, from either side", () => {
    const { cells, links } = calm(8);
    const { "4:3": _, ...cut } = links;
    expect(fixed(8, cells, cut, "begins 4:3").links).toEqual(links);
    const end = fixed(8, cells, cut, "ends 3:3");
    expect(end.links).toEqual(links);
    expect(end.shown).toEqual(["made 3:3 4:3"]);
  });

  it("links over frames in which the cell was lost, and says so", () => {
    const { cells, links } = calm(8);
    const lost = cells.filter(({ key }) => key !== "4:3");
    const { "4:3": _, "5:3": __, ...cut } = links;
    const { text, links: now } = fixed(8, lost, cut, "begins 5:3");
    expect(now).toEqual({ ...cut, "5:3": "3:3" });
    expect(text).toContain("over 1 missing");
  });

  it("closes a gap with the loose cell that lies in it", () => {
    const { cells, links } = calm(8);
    const jumped: Told = { ...links, "5:3": "3:3" };
    delete jumped["4:3"];
    const gap = fixed(8, cells, jumped, "gap 5:3");
    expect(gap.links).toEqual(links);
    expect(fixed(8, cells.filter(({ key }) => key !== "4:3"), jumped, "gap 5:3").text).toBeNull();
  });

  it("swaps back two tracks that were exchanged, and cuts a jump to nowhere", () => {
    const { cells, links } = calm(8);
    expect(fixed(8, cells, { ...links, "4:1": "3:8", "4:8": "3:1" }, "jump 4:1").links).toEqual(links);
    const far = [...cells, cell(7, 9, 100, 30)];
    const { "7:5": _, ...without } = links;
    expect(fixed(8, far, { ...without, "7:9": "6:5" }, "jump 7:9").links).toEqual(without);
  });

  it("gives a daughter without a parent to the mother whose size fits", () => {
    const { cells, links } = calm(8);
    // Cell 3 halves in frame 4; the second half begins a track.
    const halves: Cells = [];
    const told = { ...links };
    const rest = cells.filter(({ frame, id }) => !(frame >= 4 && id === 3));
    for (let t = 4; t < 8; t++) {
      halves.push(cell(t, 3, 77, 98 + t, 3.5), cell(t, 9, 83, 104 + t, 3.5));
      if (t > 4) told[`${t}:9`] = `${t - 1}:9`;
    }
    const { links: now, text } = fixed(8, [...rest, ...halves].sort((a, b) => a.frame - b.frame || a.id - b.id), told, "begins 4:9");
    expect(now).toEqual({ ...told, "4:9": "3:3" });
    expect(text).toContain("Daughter of track");
  });

  it("keeps the nearest two of three daughters, and lets none divide right after birth", () => {
    const { cells, links } = calm(8);
    const three = fixed(8, cells, { ...links, "5:4": "4:3", "5:2": "4:3" }, "daughters 4:3");
    expect(Object.entries(three.links!).filter(([, parent]) => parent === "4:3").length).toBe(2);
    expect(three.links!["5:3"]).toBe("4:3");
    const young = fixed(8, cells, { ...links, "4:2": "3:1", "5:3": "4:2" }, "young-mother 4:2");
    expect(young.links!["5:3"]).toBeUndefined();
    expect(young.links!["5:2"]).toBe("4:2");
  });

  it("cuts a link that the draft was not sure of", () => {
    const { cells, links } = calm(8);
    expect(fixed(8, cells, links, "unsure 4:3", { "4:3": 0.3 }).links!["4:3"]).toBeUndefined();
  });

  it("finds where a cell comes back that was one mask with its neighbour", () => {
    // 1 and 2 touch; in frames 3 and 4 one mask holds both.
    const cells: Cells = [];
    const links: Told = {};
    for (let t = 0; t < 8; t++) {
      const merged = t === 3 || t === 4;
      cells.push(merged ? { ...cell(t, 1, 100, 105, 10), area: 200 } : cell(t, 1, 100, 100));
      if (!merged) cells.push(cell(t, 2, 100, 110));
      for (let id = 3; id < 9; id++) cells.push(cell(t, id, 15 + 20 * id, 30 + 10 * (id % 2)));
      if (t > 0) for (let id = 1; id < 9; id++) if (id !== 2 || (!merged && t !== 5)) links[`${t}:${id}`] = `${t - 1}:${id}`;
    }
    const { text, links: now } = fixed(8, cells, links, "merge 2:2 3:1");
    expect(now).toEqual({ ...links, "5:2": "2:2" });
    expect(text).toContain("comes back in frame 6");
    const ids = suspicions(lineageOf(8, cells, links)).map(({ id }) => id);
    expect(ids).not.toContain("ends 2:2");
  });
});

describe("the watch", () => {
  it("doubts a cycle much shorter than those of the movie", () => {
    const frames = 60;
    const cells: Cells = [];
    const links: Told = {};
    // Ten families, one beside the other: a birth in frame 2, a division 40 frames later; one after 6.
    for (let family = 0; family < 10; family++)
      for (let t = 0; t < frames; t++) {
        const divides = family === 4 ? 8 : 42;
        for (let n = 0; n < (t < 2 ? 1 : t < divides ? 2 : 3); n++) {
          const id = 3 * family + n + 1;
          cells.push(cell(t, id, 20 + 17 * family, 40 + 20 * n));
          if (t > 0) links[`${t}:${id}`] = `${t - 1}:${t === 2 || (t === divides && n === 2) ? 3 * family + 1 + (t === divides ? 1 : 0) : id}`;
        }
      }
    const found = suspicions(lineageOf(frames, cells, links)).filter(({ kind }) => kind === "young-mother");
    expect(found.map(({ cell: at, text }) => `${at.key} ${text}`)).toEqual(["7:14 Divides after 6 frames, others after 40"]);
  });

  it("finds after any edits what it would find anew; no fix but leads forward in time", () => {
    const { cells } = calm(6);
    const detections = movie(6, cells);
    const keys = cells.map(({ key }) => key);
    fc.assert(
      fc.property(fc.array(fc.array(fc.tuple(fc.constantFrom(...keys), fc.option(fc.constantFrom(...keys), { nil: null })), { minLength: 1, maxLength: 3 }), { maxLength: 6 }), (edits) => {
        const watch = new Watch();
        let links: ReadonlyMap<string, string> = new Map();
        let lineage = new Lineage(detections, links);
        watch.look(lineage);
        for (const edit of edits) {
          const next = new Map(links);
          for (const [child, parent] of edit) parent === null ? next.delete(child) : next.set(child, parent);
          lineage = lineage.after(next, changedLinks(links, next));
          links = next;
          const events = watch.look(lineage);
          expect(events.map(({ id, text }) => `${id} ${text}`)).toEqual(suspicions(new Lineage(detections, next)).map(({ id, text }) => `${id} ${text}`));
          for (const event of events) {
            const fix = fixOf(lineage, watch.usual!, event);
            if (!fix) continue;
            expect(Object.keys(fix.changes).length, fix.text).toBeGreaterThan(0);
            const told = after(Object.fromEntries(next), fix.changes);
            const then = new Lineage(detections, new Map(Object.entries(told)));
            for (const [child, parent] of Object.entries(fix.changes)) expect(then.parentOf(child)?.key ?? null, event.id).toBe(parent);
            expect(paths(then)).not.toEqual(paths(lineage));
            // A short track may still be short, and a cell swapped away may still have come far.
            if (["begins", "ends", "daughters"].includes(event.kind)) expect(suspicions(then).map(({ id }) => id), fix.text).not.toContain(event.id);
          }
        }
      }),
      { numRuns: 20 },
    );
  }, 30_000);
});
