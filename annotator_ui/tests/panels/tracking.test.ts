import { describe, expect, it, vi } from "vitest";
import { visibleRows } from "../../src/panels/workbench/modes/tracking/virtual-rows";
import { Look, TRAIL_LENGTHS } from "../../src/panels/workbench/modes/tracking/look";
import { GUTTER, TreeView } from "../../src/panels/workbench/modes/tracking/tree-view";
import type { Tracking } from "../../src/session/tracking";
import type { Display } from "../../src/panels/workbench/display";

vi.stubGlobal("window", { location: { pathname: "/", search: "" } });
const { keyFor } = await import("../../src/panels/workbench/keys");
const { CUTS, LINKING_TOOLS, trackingKeys } = await import("../../src/panels/workbench/modes/tracking/keys");

describe("the keys of tracking", () => {
  const calls: string[] = [];
  const note = (name: string) => (...given: unknown[]): void => void calls.push([name, ...given.filter((each) => each !== undefined && typeof each !== "object")].join(" "));
  const movie = { frame: { peek: () => 3 }, frames: 10, goTo: note("go"), pause: () => {}, play: note("play") };
  const tracking = {
    movie, track: { peek: () => null }, scope: { value: "future" }, say: note("say"),
    take: note("take"), accept: note("accept"), extend: note("extend"), cut: note("cut"), escape: note("escape"), undo: note("undo"), redo: note("redo"),
    selectNext: note("next"), selectTowards: note("towards"), nextEvent: note("event"), dismiss: note("fine"), takeFix: note("repair"),
  };
  const display = { fit: note("fit"), zoom: note("zoom"), pan: note("pan") };
  const groups = trackingKeys(tracking as unknown as Tracking, display as unknown as Display, new Look(), note("row"), { submit: note("submit"), showKeys: note("sheet") });
  const press = (key: string, held: { ctrlKey?: boolean; shiftKey?: boolean } = {}) => {
    calls.length = 0;
    const event = { key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held };
    keyFor(groups, event)?.run(event);
    return calls.join();
  };

  it("do all that buttons do", () => {
    for (const { key, id } of LINKING_TOOLS) expect(press(key.toLowerCase())).toBe(`take ${id}`);
    for (const { key, scope } of CUTS) expect(press(key.toLowerCase())).toBe(`cut ${scope}`);
    expect([press("g"), press("z"), press("y"), press("f"), press("p"), press("e"), press("k"), press("r")]).toEqual(["extend", "undo", "redo", "fit", "play", "event 1", "fine", "repair"]);
    press("1");
    expect(tracking.scope.value).toBe("past");
    press("2");
    expect(tracking.scope.value).toBe("this");
  });

  it("step through the movie, and with Shift through the cells", () => {
    expect([press("ArrowRight"), press("ArrowLeft"), press("."), press(",")]).toEqual(["go 4", "go 2", "go 4", "go 2"]);
    expect([press("ArrowRight", { shiftKey: true }), press("ArrowUp", { shiftKey: true })]).toEqual(["towards 0 1", "towards -1 0"]);
    expect([press("ArrowDown"), press("ArrowUp"), press("Home"), press("End")]).toEqual(["next 1", "next -1", "go 0", "go 9"]);
    expect([press("]"), press("["), press("E", { shiftKey: true })]).toEqual(["row 1", "row -1", "event -1"]);
    expect([press("Enter"), press("Enter", { shiftKey: true }), press("Enter", { ctrlKey: true })]).toEqual(["accept", "accept true", "submit"]);
  });

  it("have one meaning each", () => {
    const seen = new Set<string>();
    for (const key of groups.flatMap(({ keys }) => keys))
      for (const name of key.keys) {
        const full = `${key.ctrl ? "ctrl " : ""}${key.shift ? "shift " : ""}${name}`;
        expect(seen.has(full), full).toBe(false);
        seen.add(full);
      }
  });
});

describe("a long list", () => {
  it("draws the rows in sight and some beyond", () => {
    expect(visibleRows(10_000, 20, 2000, 400)).toEqual({ from: 94, to: 126 });
    expect(visibleRows(3, 20, 0, 400)).toEqual({ from: 0, to: 3 });
    expect(visibleRows(0, 20, 500, 400)).toEqual({ from: 0, to: 0 });
  });

  it("draws none that are not there after it has become shorter", () => {
    expect(visibleRows(5, 20, 5000, 400)).toEqual({ from: 5, to: 5 });
  });
});

describe("the view of the tree", () => {
  it("says which rows and frames lie where, and keeps what is pointed at in its place while zooming", () => {
    const view = new TreeView(200);
    view.width.value = 1056;
    expect([view.perFrame, view.frameAt(GUTTER), view.frameAt(9999), view.frameAt(0)]).toEqual([5, 0, 199, 0]);
    view.left.value = view.zoomTime(2, 546);
    expect([view.perFrame, view.left.value, view.frameAt(546)]).toEqual([10, 500, 100]);
    view.left.value = view.zoomTime(0.1, 546);
    expect([view.perFrame, view.left.value]).toEqual([5, 0]);
    view.height.value = 418;
    view.top.value = 16 * 100;
    expect(view.rows).toEqual({ from: 100, to: 125 });
    expect([view.rowAt(view.y(110)), view.topFor(110)]).toEqual([110.5, 1600]);
    expect(view.topFor(500)).toBeGreaterThan(7600);
    const middle = view.rowAt(view.height.value / 2);
    view.top.value = view.zoomRows(-1);
    expect([view.rowHeight.value, view.rowAt(view.height.value / 2)]).toEqual([12, middle]);
    view.fold(7);
    view.fold(9);
    view.fold(7);
    expect([...view.folded.value]).toEqual([9]);
  });
});

describe("trails", () => {
  it("get longer by one key, then go", () => {
    const look = new Look();
    const seen = TRAIL_LENGTHS.map(() => (look.nextTrails(), look.trails.value));
    expect([...seen].sort((a, b) => a - b)).toEqual([...TRAIL_LENGTHS]);
  });
});
