import { describe, expect, it } from "vitest";
import type { HubImage } from "../../src/api/types";
import { augmented, judged } from "../../src/panels/pages/disputes/augmented";
import { cells } from "../../src/panels/pages/disputes/cells";
import { classification, settlementOf } from "../../src/panels/pages/disputes/classification";
import { disputeKind } from "../../src/panels/pages/disputes/registry";
import { semantic, valuesIn } from "../../src/panels/pages/disputes/semantic";
import { titleOf, tracking } from "../../src/panels/pages/disputes/tracking";
import { classColour } from "../../src/panels/class-colours";
import { fillOf } from "../../src/panels/pages/parts/crop-canvas";
import type { Dispute, Option, Sight } from "../../src/session/disagreements";
import { framesOf, nodeOf } from "../../src/session/nodes";

const crop = { y0: 0, x0: 0, y1: 2, x1: 2 };
const rgba = new Uint8ClampedArray(16);
const sight = (over: Partial<Sight> = {}): Sight => ({ kind: "image", title: "t", role: null, frame: null, rgba, ...over });
const option = (index: number, over: Partial<Option> = {}): Option => ({ index, labels: null, values: null, cells: 0, readings: 1, ...over });
const dispute = (over: Partial<Dispute>): Dispute => ({
  id: "d",
  campaign: "c",
  task: "instance_segmentation",
  ontology: null,
  image: { height: 2, width: 2 } as HubImage,
  kind: "existence",
  state: "open",
  keys: [],
  box: crop,
  crop,
  sights: [sight()],
  given: [],
  neighbours: new Uint32Array(4),
  options: [],
  ...over,
});

describe("cells", () => {
  it("are settled by their option, or by nothing", () => {
    const form = cells.form(dispute({ options: [option(0), option(3, { labels: Uint32Array.from([1, 0, 0, 0]), cells: 1 })] }));
    expect(form.choices.map(({ title, key }) => [title, key])).toEqual([["No cell", "0"], ["1 cell", "3"]]);
    expect([form.settlement(["3"]), form.settlement([])]).toEqual([{ option: 3 }, { nothing: true }]);
    expect([cells.question("split"), cells.question("of a later hub")]).toEqual(["One cell or several?", "What is there?"]);
  });
});

describe("classes of pixels", () => {
  const ontology = { names: ["nucleus", "cytoplasm"], ordinal: false, multi: false };
  it("name what is painted, most pixels first, in the classes' colours", () => {
    const labels = Uint32Array.from([2, 2, 1, 0]);
    expect(valuesIn({ labels })).toEqual([2, 1]);
    const form = semantic.form(dispute({ ontology, options: [option(0, { labels }), option(1, { labels: new Uint32Array(4) })] }));
    expect(form.choices.map(({ title, colours }) => [title, colours])).toEqual([["cytoplasm, nucleus", [classColour(1), classColour(0)]], ["Unknown", []]]);
  });

  it("offer to leave it unknown only where no option does", () => {
    const painted = option(0, { labels: Uint32Array.from([1, 0, 0, 0]) });
    expect(semantic.form(dispute({ ontology, options: [painted, option(1, { labels: new Uint32Array(4) })] })).nothing).toBeNull();
    expect(semantic.form(dispute({ ontology, options: [painted] })).nothing).toBe("Leave it unknown");
  });

  it("are laid over in their colours, unknown left clear", () => {
    const fill = fillOf([0, 1], { y0: 0, x0: 0, y1: 1, x1: 2 }, () => "#102030", 0.5);
    expect([...fill.rgba]).toEqual([0, 0, 0, 0, 16, 32, 48, 128]);
  });
});

describe("classes of a subject", () => {
  const ontology = { names: ["a", "b", "c"], ordinal: false, multi: false };
  const options = [option(0, { values: { "7": ["b"] }, readings: 2 }), option(1, { values: { "7": ["a"] } })];

  it("are the ontology's, whether a reader said them or not", () => {
    const form = classification.form(dispute({ task: "classification", ontology, keys: ["7"], options }));
    expect(form.choices.map(({ title, readings }) => [title, readings])).toEqual([["a", 1], ["b", 2], ["c", 0]]);
    expect(form.settlement(["b"])).toEqual({ option: 0 });
    expect(form.settlement(["c"])).toEqual({ values: { "7": ["c"] } });
    expect(form.settlement([])).toEqual({ nothing: true });
  });

  it("may be several; none of them is an answer too, whatever the order", () => {
    const multi = { ...ontology, multi: true };
    const given = [option(0, { values: { "0": ["a", "b"] } }), option(1, { values: { "0": [] } })];
    const form = classification.form(dispute({ task: "classification", ontology: multi, keys: ["0"], options: given }));
    expect(form.several).toBe(true);
    expect(form.settlement(["b", "a"])).toEqual({ option: 0 });
    expect(form.settlement([])).toEqual({ option: 1 });
    expect(form.settlement(["c"])).toEqual({ values: { "0": ["c"] } });
    expect(form.settlement(["c", "a"])).toEqual({ values: { "0": ["a", "c"] } });
  });

  it("survive a hub that says no ontology", () => {
    expect(classification.form(dispute({ keys: ["7"], options })).choices.map(({ title }) => title)).toEqual(["b", "a"]);
    expect(settlementOf({ keys: [], options: [], ontology: null }, ["x"])).toEqual({ values: { "0": ["x"] } });
  });

  it("show the cell in question alone", () => {
    const ids = { kind: "cells" as const, frame: null, ids: Uint32Array.from([7, 7, 3, 0]) };
    const form = classification.form(dispute({ ontology, keys: ["7"], options, given: [ids] }));
    const sides = form.stills[0]!.outlines[0]!.sides;
    expect(new Set(sides.map((side) => side.cell))).toEqual(new Set([7]));
  });
});

describe("parents", () => {
  it("are nodes, frame and id", () => {
    expect(nodeOf("3:17")).toEqual({ frame: 3, id: 17 });
    for (const wrong of ["3", "3:", "a:1", null, 3, ["3:1"]]) expect(nodeOf(wrong)).toBeNull();
  });

  it("are seen in the frame where most of them lie, children in their own", () => {
    expect(framesOf(["4:1"], [{ "4:1": "3:2" }, { "4:1": null }], 0)).toEqual([3, 4]);
    expect(framesOf(["4:1"], [{ "4:1": "2:2" }, { "4:1": "2:5" }, { "4:1": "3:5" }], 0)).toEqual([2, 4]);
    expect(framesOf(["4:1"], [{ "4:1": "2:2" }, { "4:1": "3:5" }], 0)).toEqual([3, 4]);
    expect(framesOf([], [], 5)).toEqual([4, 5]);
    expect(framesOf(["0:1"], [{}], 0)).toEqual([0]);
  });

  it.each<[Option["values"], string[], string]>([
    [{ "4:1": "3:2" }, ["4:1"], "Comes from cell 2"],
    [{ "4:1": "1:2" }, ["4:1"], "Comes from cell 2 of frame 2"],
    [{ "4:1": null }, ["4:1"], "Begins here"],
    [{ "4:1": "3:2", "4:5": "3:2" }, ["4:1", "4:5"], "Division of cell 2"],
    [{ "4:1": "3:2", "4:5": null }, ["4:1", "4:5"], "1 from cell 2, 5 begins"],
    [{}, ["4:1", "4:5"], "All begin here"],
  ])("%j is said as it is", (values, keys, said) => expect(titleOf(values, keys, 3)).toBe(said));

  it("colour a child as its parent, in both frames", () => {
    const ids = (frame: number, of: number[]) => ({ kind: "detections" as const, frame, ids: Uint32Array.from(of) });
    const form = tracking.form(
      dispute({
        task: "tracking",
        keys: ["1:5"],
        sights: [sight({ frame: 0, title: "Frame 1" }), sight({ frame: 1, title: "Frame 2" })],
        given: [ids(0, [2, 0, 3, 0]), ids(1, [5, 0, 6, 0])],
        options: [option(0, { values: { "1:5": "0:2" } }), option(1, { values: { "1:5": null } })],
      }),
    );
    const [before, after] = form.choices[0]!.pictures;
    const colour = (still: typeof before, id: number) => still!.outlines[1]!.colour(id);
    expect(colour(before, 2)).toBe(colour(after, 5));
    expect(colour(form.choices[1]!.pictures[1], 5)).toBe("#ffffff");
    expect(before!.outlines[0]!.sides.every((side) => side.cell === 3)).toBe(true);
    expect(form.nothing).toBeNull();
  });
});

describe("failures", () => {
  const source = sight();
  const real = sight({ kind: "candidate", role: "real" });
  const predicted = sight({ kind: "candidate", role: "predicted" });

  it("are judged on the predicted picture, or on the target", () => {
    expect(judged([source, predicted, real])).toBe(predicted);
    const target = sight({ kind: "target" });
    expect(judged([source, target])).toBe(target);
    expect(judged([source])).toBe(source);
  });

  it("are drawn on it; the picture without a mark is a choice or stands beside them", () => {
    const marked = option(0, { labels: Uint32Array.from([1, 1, 0, 0]), cells: 1 });
    const one = augmented.form(dispute({ sights: [source, real, predicted], options: [marked] }));
    expect([one.stills.map(({ title }) => title), one.nothing]).toEqual([["The source", "The real picture", "The predicted picture"], "Nothing is wrong here"]);
    const both = augmented.form(dispute({ sights: [source, real, predicted], options: [marked, option(1, { labels: new Uint32Array(4) })] }));
    expect([both.stills.length, both.nothing]).toEqual([2, null]);
    expect(both.choices.map(({ pictures }) => pictures[0]!.outlines.length)).toEqual([1, 0]);
  });
});

it("every task has its file", () => {
  expect([disputeKind("tracking"), disputeKind("augmented"), disputeKind("instance_segmentation")]).toEqual([tracking, augmented, cells]);
});
