import { describe, expect, it } from "vitest";
import { choose, prompt, take, type Choosing } from "../../src/lineage/linking-tool";
import { Refusal } from "../../src/lineage/operations";
import { after, lineageOf, paths, type Told } from "./movie";

const counts = [2, 2, 2];
const links: Told = { "1:1": "0:1", "1:2": "0:2", "2:1": "1:1", "2:2": "1:2" };
const lineage = lineageOf(counts, links);
const loose = lineageOf(counts, {});

describe("the linking tools", () => {
  it("select", () => {
    expect(choose(take("select", null), lineage, "1:2", "future")).toMatchObject({ selected: "1:2", edit: null, forward: false });
  });

  it("link from the selected cell, frame after frame", () => {
    const answer = choose(take("link", "0:1"), loose, "1:2", "future");
    expect(answer.edit).toEqual({ tool: "link", params: { parent: "0:1", child: "1:2" }, changes: { "1:2": "0:1" } });
    expect(answer).toMatchObject({ next: { tool: "link", chosen: ["1:2"] }, selected: "1:2", forward: true });
  });

  it("link no further where the cell goes on already, or the movie ends", () => {
    const mended = lineageOf(counts, { "2:1": "1:1" });
    expect(choose(take("link", "0:1"), mended, "1:1", "future")).toMatchObject({ next: { tool: "select" }, selected: "1:1", forward: false });
    expect(choose(take("link", "1:2"), loose, "2:2", "future")).toMatchObject({ next: { tool: "select" }, forward: false });
  });

  it("link backwards as well: the earlier of two cells is the parent", () => {
    expect(choose(take("link", "2:1"), loose, "1:2", "future").edit?.changes).toEqual({ "2:1": "1:2" });
  });

  it("link from nothing: the first cell chosen is the parent", () => {
    const first = choose(take("link", null), loose, "0:2", "future");
    expect(first).toMatchObject({ next: { tool: "link", chosen: ["0:2"] }, edit: null, forward: true });
    expect(choose(first.next, loose, "2:1", "future").edit?.changes).toEqual({ "2:1": "0:2" });
  });

  it("link with Shift keeps what is there: a division", () => {
    const { changes } = choose(take("link", "0:1"), lineage, "1:2", "future", true).edit!;
    expect(changes).toEqual({ "1:2": "0:1" });
    expect(paths(lineageOf(counts, after(links, changes)))).toEqual(["0:1", "0:2", "1:1 2:1", "1:2 2:2"]);
  });

  it("divide: mother, two daughters; then back to selecting", () => {
    let choosing: Choosing = take("divide", "0:1");
    choosing = choose(choosing, loose, "1:1", "future").next;
    const answer = choose(choosing, loose, "1:2", "future");
    expect(answer.edit).toMatchObject({ tool: "divide", params: { mother: "0:1", first: "1:1", second: "1:2" }, changes: { "1:1": "0:1", "1:2": "0:1" } });
    expect(answer.next).toEqual({ tool: "select", chosen: [] });
    expect(() => choose(take("divide", "1:1"), loose, "1:2", "future")).toThrow(Refusal);
  });

  it("swap two cells of a frame by the scope; in another frame the choice begins anew", () => {
    expect(choose(take("swap", "1:1"), lineage, "1:2", "future").edit).toMatchObject({ params: { scope: "future" }, changes: { "1:1": "0:2", "1:2": "0:1" } });
    expect(choose(take("swap", "1:1"), lineage, "2:2", "future")).toMatchObject({ edit: null, next: { tool: "swap", chosen: ["2:2"] } });
  });

  it("give a cell to the selected track; frame by frame where one frame is meant", () => {
    expect(choose(take("assign", "0:1"), lineage, "1:2", "future")).toMatchObject({ next: { tool: "select" }, forward: false, edit: { changes: { "1:1": null, "1:2": "0:1" } } });
    expect(choose(take("assign", "0:1"), lineage, "1:2", "this")).toMatchObject({ next: { tool: "assign", chosen: ["1:2"] }, forward: true });
  });

  it("say what they want next", () => {
    expect(prompt(take("select", "0:1"), "this")).toBe("");
    expect(prompt(take("divide", "0:1"), "this")).toBe("Choose the first daughter");
    expect(prompt(take("swap", "0:1"), "past")).toContain("up to this frame");
  });
});
