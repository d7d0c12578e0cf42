import { describe, expect, it } from "vitest";
import { classColour } from "../../src/panels/class-colours";
import { classesProblem, moved, namesOf, ontologyOf, pasted, rowProblem } from "../../src/panels/pages/parts/classes";
import { TASKS, wordsOf } from "../../src/panels/task-words";

describe("classes of a campaign", () => {
  it("are the rows that say something, without the space around them", () => {
    expect(namesOf([" a ", "", "  ", "b"])).toEqual(["a", "b"]);
    expect(ontologyOf(["a ", ""], true, false)).toEqual({ names: ["a"], ordinal: true, multi: false });
  });

  it("name what is wrong with a row, where it is", () => {
    expect(rowProblem(["a", "b", " a"], 2)).toContain("“a” is there already");
    expect(rowProblem(["a", "b", "a"], 0)).toBe("");
    expect(rowProblem(["x".repeat(81)], 0)).toContain("80");
    expect(classesProblem(["a", "", "a"], 1)).toMatch(/^Class 3: /);
  });

  it("are at least as many as the question needs", () => {
    expect(classesProblem(["", " "], 1)).toContain("at least one");
    expect(classesProblem(["a"], 2)).toContain("at least 2");
    expect(classesProblem(["a"], 1)).toBe("");
    expect(classesProblem(["a", "b"], 2)).toBe("");
    expect(classesProblem([""], 0)).toBe("");
  });

  it("are taken from a pasted list, each once; one name is pasted as text", () => {
    expect(pasted(["a", ""], 1, "b\nc, a\tb")).toEqual(["a", "b", "c"]);
    expect(pasted(["a", "x", "z"], 1, "b\r\nc")).toEqual(["a", "b", "c", "z"]);
    expect(pasted([""], 0, "only one")).toBeNull();
  });

  it("move by one place and stay within the list", () => {
    expect(moved(["a", "b", "c"], 2, -1)).toEqual(["a", "c", "b"]);
    expect(moved(["a", "b"], 0, -1)).toEqual(["a", "b"]);
    expect(moved(["a", "b"], 1, 1)).toEqual(["a", "b"]);
  });

  it("have colours of their own, also the fortieth", () => {
    const colours = Array.from({ length: 40 }, (_, i) => classColour(i));
    expect(new Set(colours).size).toBe(40);
  });
});

describe("tasks in words", () => {
  it("are five, each with a sentence", () => {
    expect(TASKS.map(({ name }) => name)).toEqual(["instance_segmentation", "semantic_segmentation", "classification", "tracking", "augmented"]);
    for (const words of TASKS) expect(words.asks).toMatch(/\.$/);
  });

  it("know a hub that says no task, and one with a task of its own", () => {
    expect(wordsOf(undefined).title).toBe("Instance segmentation");
    expect(wordsOf("spot_counting")).toMatchObject({ title: "Spot counting", classes: "none", headline: "" });
  });
});
