/** The gallery's state on a real editor: batches, filters, advancing and undo. */

import { computed, signal } from "@preact/signals";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Editor } from "../../src/labels/editor";
import { LabelMap } from "../../src/labels/label-map";
import type { Value, Values } from "../../src/labels/values";
import type { AssignmentSession } from "../../src/session/assignment";

vi.stubGlobal("window", { location: { pathname: "/", search: "" } });
const { keyFor } = await import("../../src/panels/workbench/keys");
const { Display } = await import("../../src/panels/workbench/display");
const { rowsOf } = await import("../../src/panels/workbench/gallery");
const { pathsByColour } = await import("../../src/panels/workbench/subject-overlay");
const { GalleryState } = await import("../../src/panels/workbench/gallery-state");
const { classKeys, digitsOf } = await import("../../src/panels/workbench/class-bar");
const { galleryKeys } = await import("../../src/panels/workbench/modes/given-subjects");
const { choose, wholeKeys } = await import("../../src/panels/workbench/modes/whole-image");
const { semanticKeys } = await import("../../src/panels/workbench/modes/semantic-segmentation");

const CLASSES = { names: ["rbc", "wbc", "plt"], ordinal: false, multi: false };
const SUBJECTS = ["1", "2", "3", "4", "5", "6"];
const open: { close(): void }[] = [];

function bench(draft: { values: Record<string, Value>; cells: Record<string, number> } | null = null, classes = CLASSES) {
  const values = signal<Values>(new Map(Object.entries(draft?.values ?? {})));
  const edits: { tool: string; changes: object }[] = [];
  const editor = new Editor(new LabelMap(1, 1), { drawn: () => {}, valued: (next) => (values.value = next), edited: (edit) => edits.push(edit) }, values.value);
  const session = {
    values,
    change: editor.change.bind(editor),
    undo: () => editor.undo(),
    redo: () => editor.redo(),
    tool: signal("pan"),
    paintClass: signal(null),
    protect: signal(false),
    fillCircled: signal(true),
    radius: signal(5),
  } as unknown as AssignmentSession;
  const state = new GalleryState(session, SUBJECTS, classes, draft, computed(() => true));
  open.push(state);
  state.columns = 3;
  const display = new Display({ height: 9, width: 9 });
  const calls: string[] = [];
  const frame = { submit: () => calls.push("submit"), showKeys: () => calls.push("keys") };
  const box = { y0: 2, x0: 4, y1: 5, x1: 6 };
  const subjects = { byKey: new Map(SUBJECTS.map((key) => [key, { key, box }])) };
  const groups = galleryKeys(session, state, subjects, display, frame);
  const key = (name: string, held: { ctrlKey?: boolean; shiftKey?: boolean } = {}) => {
    const event = { key: name, ctrlKey: false, shiftKey: false, metaKey: false, altKey: false, ...held };
    const found = keyFor(groups, event);
    if (!found) throw new Error(`no key ${name}`);
    found.run(event);
  };
  return { state, session, edits, calls, key, values: () => Object.fromEntries(values.value), display, frame, groups };
}

const chosen = (state: { selection: { value: { chosen: ReadonlySet<string> } } }) => [...state.selection.value.chosen].sort();

afterEach(() => open.splice(0).forEach((state) => state.close()));

describe("the gallery", () => {
  it("gives one its class and goes on to the next", () => {
    const { state, key, values } = bench();
    expect(state.selection.value.focus).toBe("1");
    key("2");
    key("1");
    expect(values()).toEqual({ "1": ["wbc"], "2": ["rbc"] });
    expect(state.selection.value.focus).toBe("3");
    key("ArrowDown");
    expect(state.selection.value.focus).toBe("6");
    key("s");
    expect(values()).toEqual({ "1": ["wbc"], "2": ["rbc"] });
  });

  it("labels a batch in one edit, which one undo takes back", () => {
    const { state, key, values, edits } = bench();
    key("ArrowRight", { shiftKey: true });
    key("ArrowDown", { shiftKey: true });
    expect(chosen(state)).toEqual(["1", "2", "3", "4", "5"]);
    key("3");
    expect(edits).toHaveLength(1);
    expect(state.counts.value).toEqual({ perClass: [0, 0, 5], none: 0, unsaid: 1 });
    expect(chosen(state)).toHaveLength(5);
    key("z", { ctrlKey: true });
    expect(values()).toEqual({});
    key("z", { ctrlKey: true, shiftKey: true });
    expect(state.counts.value.perClass[2]).toBe(5);
    key("a", { ctrlKey: true });
    key("Escape");
    expect(chosen(state)).toHaveLength(1);
  });

  it("under a filter what is labelled makes room for the next, and undo brings it back", () => {
    const { state, key } = bench();
    state.filter.value = { kind: "unsaid" };
    state.go("2");
    key("1");
    expect(state.items.value).toEqual(["1", "3", "4", "5", "6"]);
    expect(state.selection.value.focus).toBe("3");
    key("1");
    expect(state.selection.value.focus).toBe("4");
    key("z");
    key("z");
    expect(state.items.value).toEqual(SUBJECTS);
    state.go("2");
    key("1");
    state.go("2"); // a click in the image on what the filter hides shows all again
    expect([state.filter.value.kind, state.selection.value.focus]).toEqual(["all", "2"]);
  });

  it("starts from the draft, least sure first, and tells which classes are the draft's", () => {
    const draft = { values: { "1": ["rbc"], "2": ["wbc"], "3": ["rbc"] }, cells: { "1": 0.9, "2": 0.3, "3": 0.7 } };
    const { state, key } = bench(draft);
    expect(state.items.value).toEqual(["4", "5", "6", "2", "3", "1"]);
    expect(state.suggested("2")).toBe(0.3);
    state.go("2");
    key("1");
    expect(state.suggested("2")).toBeNull();
    state.order.value = "number";
    expect(state.items.value).toEqual(SUBJECTS);
    state.go("1");
    key("u");
    expect(state.selection.value.focus).toBe("4");
  });

  it("sweeps with the pointer; Ctrl keeps what was chosen", () => {
    const { state } = bench();
    state.press("5", { shift: false, ctrl: false });
    state.endSweep();
    state.press("1", { shift: false, ctrl: true });
    state.sweep("3");
    state.sweep("2");
    expect(chosen(state)).toEqual(["1", "2", "5"]);
    state.endSweep();
    state.sweep("6");
    expect(chosen(state)).toEqual(["1", "2", "5"]);
  });

  it("zooms the image in on the one it stands on", () => {
    const { key, display } = bench();
    display.resize({ height: 300, width: 300 });
    key("v");
    const { scale, y, x } = display.view.value;
    expect(scale).toBeCloseTo(300 / 3 / 3);
    expect([y + 150 / scale, x + 150 / scale]).toEqual([3.5, 5]);
  });

  it("puts all boxes of a colour into one path", () => {
    const box = (y0: number) => ({ y0, x0: 1, y1: y0 + 2, x1: 4 });
    const list = [{ key: "1", box: box(0) }, { key: "2", box: box(5) }, { key: "3", box: box(9) }];
    const paths = pathsByColour({ list, byKey: new Map(), cells: null }, (key) => (key === "2" ? "#ffffff" : null));
    expect(Object.fromEntries([...paths].map(([colour, path]) => [String(colour), path]))).toEqual({ null: "M1 0H4V2H1ZM1 9H4V11H1Z", "#ffffff": "M1 5H4V7H1Z" });
  });

  it("with several classes adds and takes away, and waits for more", () => {
    const { state, key, values } = bench(null, { ...CLASSES, multi: true });
    key("3");
    key("1");
    expect(values()).toEqual({ "1": ["rbc", "plt"] });
    expect(state.selection.value.focus).toBe("1");
    key("1");
    key("3");
    expect(values()).toEqual({});
    key("n");
    expect([values(), state.selection.value.focus]).toEqual([{ "1": [] }, "2"]);
  });
});

describe("the rows of the gallery", () => {
  it("are those in sight and a few beyond, of as many columns as fit", () => {
    const rows = rowsOf(1600, 100, 660, 500, 3000);
    expect(rows.columns).toBe(6);
    expect(rows.side).toBeGreaterThanOrEqual(100);
    expect(6 * rows.side + 5 * 6 + 20).toBeCloseTo(660);
    expect(rows.first * rows.pitch).toBeLessThan(3000);
    expect(rows.last * rows.pitch).toBeGreaterThan(3500);
    expect((rows.last - rows.first) * rows.columns).toBeLessThan(70);
    expect(rowsOf(1600, 100, 660, 500, 0).first).toBe(0);
    expect(rowsOf(7, 100, 660, 500, 0)).toMatchObject({ first: 0, last: 2 });
    expect(rowsOf(7, 240, 0, 0, 0).columns).toBe(1);
  });
});

describe("keys of the other modes", () => {
  it("choose the whole image's class, skip, and submit with Enter", () => {
    const { session, values, display, calls, frame } = bench();
    const groups = wholeKeys(session, CLASSES, display, frame, () => calls.push("skip"));
    const key = (name: string) => keyFor(groups, { key: name, ctrlKey: false, shiftKey: false, metaKey: false, altKey: false })!.run();
    key("3");
    key("2");
    expect(values()).toEqual({ "0": ["wbc"] });
    key("Enter");
    key("s");
    expect(calls).toEqual(["submit", "skip"]);
    key("Backspace");
    expect(values()).toEqual({});
    choose(session, CLASSES, 7, () => calls.push("never"));
    expect(values()).toEqual({});
  });

  it("name grades by their own digits", () => {
    expect(digitsOf(["0", "1", "2"])).toEqual(["0", "1", "2"]);
    expect(digitsOf(Array.from({ length: 12 }, (_, i) => `class ${i}`)).slice(8)).toEqual(["9", "0", null, null]);
    const given: number[] = [];
    const keys = classKeys({ names: ["0", "1", "2"], ordinal: true, multi: false }, (index) => given.push(index), "");
    keys.find((key) => key.keys.includes("1"))!.run();
    expect(given).toEqual([1]);
  });

  it("take a class in hand", () => {
    const { session, display, frame } = bench();
    const groups = semanticKeys(session, CLASSES, display, frame);
    keyFor(groups, { key: "2", ctrlKey: false, shiftKey: false, metaKey: false, altKey: false })!.run();
    expect([session.paintClass.value, session.tool.value]).toEqual([2, "brush"]);
  });

  it("give no key two meanings in any of them", () => {
    const { session, display, frame, groups: gallery } = bench(null, { ...CLASSES, multi: true });
    const multi = { ...CLASSES, multi: true };
    for (const groups of [gallery, wholeKeys(session, multi, display, frame, () => {}), semanticKeys(session, multi, display, frame)]) {
      const names = groups.flatMap(({ keys }) => keys).flatMap((key) => key.keys.map((name) => `${key.ctrl ? "ctrl " : ""}${key.shift ? "shift " : ""}${name}`));
      expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    }
  });
});
