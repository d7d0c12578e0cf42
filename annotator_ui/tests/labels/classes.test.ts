import { describe, expect, it } from "vitest";
import { around, boxesOf, squareFor } from "../../src/labels/boxes";
import { assign, leastSureFirst, sayOfAll, shows, tally } from "../../src/labels/classes";
import { LabelMap } from "../../src/labels/label-map";
import { all, follow, nextWhere, NOTHING, only, press, step, sweep } from "../../src/labels/selection";
import { applyChanges, changesTo, type Value } from "../../src/labels/values";

const ONE = { names: ["rbc", "wbc", "plt"], ordinal: false, multi: false };
const MANY = { ...ONE, multi: true };
const said = (entries: Record<string, Value>) => new Map(Object.entries(entries));

describe("classes", () => {
  it("one class takes the place of another", () => {
    expect(assign(said({ "1": ["rbc"] }), ["1", "2"], "wbc", ONE)).toEqual({ "1": ["wbc"], "2": ["wbc"] });
  });

  it("of several each is added in the order of the classes, or taken where all have it", () => {
    let values: ReadonlyMap<string, Value> = said({ "1": ["plt"], "2": ["rbc", "plt"] });
    const press = (name: string) => (values = applyChanges(values, changesTo(values, assign(values, ["1", "2"], name, MANY))));
    expect(Object.fromEntries(press("rbc"))).toEqual({ "1": ["rbc", "plt"], "2": ["rbc", "plt"] });
    press("plt");
    expect(Object.fromEntries(press("rbc"))).toEqual({}); // nothing left is nothing said
    values = applyChanges(values, changesTo(values, sayOfAll(["1"], [])));
    expect(tally(values, ["1", "2"], MANY)).toEqual({ perClass: [0, 0, 0], none: 1, unsaid: 1 });
  });

  it("counts and filters what is said", () => {
    const values = said({ "1": ["rbc"], "2": ["rbc"], "4": ["plt"] });
    const subjects = ["1", "2", "3", "4"];
    expect(tally(values, subjects, ONE)).toEqual({ perClass: [2, 0, 1], none: 0, unsaid: 1 });
    expect(subjects.filter((s) => shows({ kind: "unsaid" }, values, s))).toEqual(["3"]);
    expect(subjects.filter((s) => shows({ kind: "class", name: "rbc" }, values, s))).toEqual(["1", "2"]);
  });

  it("puts what the draft is least sure of first, and what it never saw before all", () => {
    expect(leastSureFirst(["1", "2", "3", "10"], { "1": 0.9, "2": 0.2, "10": 0.9 })).toEqual(["3", "2", "1", "10"]);
  });
});

describe("a selection", () => {
  const items = ["a", "b", "c", "d", "e"];
  const chosen = (selection: { chosen: ReadonlySet<string> }) => [...selection.chosen].sort().join("");

  it("takes one, adds with Ctrl, takes ranges with Shift", () => {
    let s = press(NOTHING, items, "b", { shift: false, ctrl: false });
    s = press(s, items, "d", { shift: true, ctrl: false });
    expect(chosen(s)).toBe("bcd");
    s = press(s, items, "a", { shift: true, ctrl: false });
    expect([chosen(s), s.focus]).toEqual(["ab", "a"]); // the range turns about its anchor
    s = press(s, items, "e", { shift: false, ctrl: true });
    s = press(s, items, "a", { shift: false, ctrl: true });
    expect(chosen(s)).toBe("be");
    expect(chosen(press(s, items, "c", { shift: true, ctrl: true }))).toBe("abce");
  });

  it("follows arrows to the ends and no further; Shift grows and shrinks", () => {
    let s = step(only("b"), items, 2, true);
    expect(chosen(s)).toBe("bcd");
    s = step(s, items, -1, true);
    expect(chosen(s)).toBe("bc");
    expect(step(s, items, 99, false).focus).toBe("e");
    expect(step(s, items, -Infinity, false).focus).toBe("a");
    expect(step(NOTHING, items, 1, false).focus).toBe("a");
    expect(step(only("a"), [], 1, false)).toBe(NOTHING);
  });

  it("sweeps from where a drag began", () => {
    expect(chosen(sweep(items, "d", "b"))).toBe("bcd");
    expect(chosen(sweep(items, "d", "c", new Set(["a"])))).toBe("acd");
    expect(chosen(all(only("c"), items))).toBe("abcde");
  });

  it("stands on what took its place when its item goes", () => {
    expect(follow(only("b"), items, ["a", "c", "d", "e"])).toEqual(only("c"));
    expect(follow(only("e"), items, ["a", "b"])).toEqual(only("b"));
    expect(follow(only("e"), items, [])).toBe(NOTHING);
    expect(follow(only("b"), items, items).focus).toBe("b");
    expect(follow(NOTHING, [], items)).toEqual(only("a"));
    expect(chosen(follow(sweep(items, "a", "c"), items, ["a", "b", "d"]))).toBe("ab");
  });

  it("finds the next that is wanted, going round", () => {
    expect(nextWhere(only("c"), items, (item) => item < "c")).toBe("a");
    expect(nextWhere(only("c"), items, () => false)).toBeNull();
  });
});

describe("boxes", () => {
  it("are the smallest around each cell, and crops stay inside the image", () => {
    const map = new LabelMap(20, 30);
    for (const [y, x] of [[2, 3], [4, 3], [4, 9]] as const) map.set(y * 30 + x, 7);
    map.set(19 * 30 + 29, 2);
    expect(Object.fromEntries(boxesOf(map))).toEqual({ 7: { y0: 2, x0: 3, y1: 5, x1: 10 }, 2: { y0: 19, x0: 29, y1: 20, x1: 30 } });
    expect(around({ y0: 19, x0: 29, y1: 20, x1: 30 }, 10, 20, 30)).toEqual({ y0: 10, x0: 20, y1: 20, x1: 30 });
    expect(around({ y0: 0, x0: 0, y1: 5, x1: 25 }, 10, 20, 30)).toEqual({ y0: 0, x0: 0, y1: 10, x1: 25 });
    expect(squareFor([])).toBeGreaterThan(0);
    expect(squareFor([{ y0: 0, x0: 0, y1: 20, x1: 10 }])).toBe(30);
  });
});
