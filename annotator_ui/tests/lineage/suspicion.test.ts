import { describe, expect, it } from "vitest";
import { Lineage } from "../../src/lineage/lineage";
import { nextSuspicion, suspicions } from "../../src/lineage/suspicion";
import { cell, movie, type Told } from "./movie";

type Cells = ReturnType<typeof cell>[];

function found(frames: number, cells: Cells, links: Told, certainty: Record<string, number> = {}, draft: Told = links): string[] {
  return suspicions(new Lineage(movie(frames, cells), new Map(Object.entries(links))), certainty, draft).map(({ id }) => id);
}

/** Ten cells that move a pixel a frame, far from the border, all well linked. */
function calm(frames: number): { cells: Cells; links: Told } {
  const cells: Cells = [];
  const links: Told = {};
  for (let t = 0; t < frames; t++)
    for (let id = 1; id <= 8; id++) {
      cells.push(cell(t, id, 20 + 20 * id, 100 + t + (id % 3) * 0.4 * t));
      if (t > 0) links[`${t}:${id}`] = `${t - 1}:${id}`;
    }
  return { cells, links };
}

describe("suspicious events", () => {
  it("are none in a calm movie", () => {
    const { cells, links } = calm(6);
    expect(found(6, cells, links)).toEqual([]);
  });

  it("are ends and beginnings inside the image, not at its border nor at the movie's ends", () => {
    const { cells, links } = calm(8);
    delete links["4:2"];
    expect(found(8, cells, links)).toEqual(["ends 3:2", "begins 4:2"]);
    const gone = [0, 1, 2, 3].map((t) => cell(t, 9, 100, 20 - 5 * t));
    expect(found(8, [...cells, ...gone], { ...links, "1:9": "0:9", "2:9": "1:9", "3:9": "2:9" })).toEqual(["ends 3:2", "begins 4:2"]);
  });

  it("are cells linked to no other, told once", () => {
    const { cells, links } = calm(6);
    expect(found(6, [...cells, cell(3, 9, 100, 50)], links)).toEqual(["short 3:9"]);
  });

  it("are gaps, jumps, three daughters and young mothers", () => {
    const { cells, links } = calm(8);
    expect(found(8, cells.filter(({ key }) => key !== "3:2"), { ...links, "4:2": "2:2" })).toEqual(["gap 4:2"]);
    expect(found(8, cells.map((each) => (each.id === 2 && each.frame > 3 ? cell(each.frame, 2, each.y, each.x - 60) : each)), links)).toEqual(["jump 4:2"]);
    const three = [cell(5, 9, 60, 108), cell(6, 9, 60, 110), cell(7, 9, 60, 112), cell(5, 10, 65, 105), cell(6, 10, 65, 105), cell(7, 10, 65, 105)];
    const fork = { ...links, "5:9": "4:2", "5:10": "4:2", "6:9": "5:9", "7:9": "6:9", "6:10": "5:10", "7:10": "6:10" };
    expect(found(8, [...cells, ...three], fork)).toEqual(["daughters 4:2"]);
    const { "5:10": _ten, ...twice } = { ...fork, "6:10": "5:9" };
    expect(found(8, [...cells, ...three.filter(({ key }) => key !== "5:10")], twice)).toContain("young-mother 5:9");
  });

  it("are links of the draft that it was unsure of, until the person changes them", () => {
    const { cells, links } = calm(4);
    expect(found(4, cells, links, { "2:3": 0.4, "3:3": 0.9 })).toEqual(["unsure 2:3"]);
    expect(found(4, cells, links, { "2:3": 0.4 }, { ...links, "2:3": "1:4" })).toEqual([]);
  });

  it("say nothing of jumps where there are too few steps to know", () => {
    expect(found(2, [cell(0, 1, 100, 50), cell(1, 1, 100, 150)], { "1:1": "0:1" })).toEqual([]);
  });

  it("are gone through from where the person is, round the end", () => {
    const { cells, links } = calm(8);
    delete links["2:2"];
    delete links["6:3"];
    const events = suspicions(new Lineage(movie(8, cells), new Map(Object.entries(links))));
    expect(events.map(({ id }) => id)).toEqual(["ends 1:2", "begins 2:2", "ends 5:3", "begins 6:3"]);
    expect(nextSuspicion(events, null, 5, 1)?.id).toBe("ends 5:3");
    expect(nextSuspicion(events, events.at(-1)!.id, 0, 1)).toBe(events[0]);
    expect(nextSuspicion(events, events[0]!.id, 0, -1)).toBe(events.at(-1));
    expect(nextSuspicion(events, null, 4, -1)?.id).toBe("begins 2:2");
    expect(nextSuspicion([], null, 0, 1)).toBeNull();
  });
});
