import { describe, expect, it } from "vitest";
import { Editor } from "../../src/labels/editor";
import { LabelMap } from "../../src/labels/label-map";
import type { Operation, PointerStep, Scene, Sketch, ToolId } from "../../src/tools/tool";
import { perform, Toolbox } from "../../src/tools/toolbox";

/** A bench without a browser: the toolbox on an editor, with the settings a person would have. */
function bench(settings: Partial<Pick<Scene, "radius" | "protect" | "fillCircled" | "paintClass" | "plane" | "tolerance">> = {}) {
  const edits: { tool: string; cell: unknown }[] = [];
  const editor = new Editor(new LabelMap(100, 100), {
    drawn: () => {},
    edited: (edit) => edits.push({ tool: edit.tool, cell: edit.params["cell"] }),
  });
  const toolbox = new Toolbox();
  const state = { selected: null as number | null, tool: "new-cell" as ToolId, panned: { dy: 0, dx: 0 }, sketch: null as Sketch | null, tolerance: 0.1 };
  const scene = (): Scene => ({
    cellAt: (at) => editor.map.at(Math.floor(at.y), Math.floor(at.x)),
    nextId: () => editor.map.nextId(),
    selected: state.selected,
    paintClass: null,
    radius: 4,
    protect: true,
    fillCircled: true,
    plane: null,
    tolerance: 0.1,
    ...settings,
  });
  const send = (kind: PointerStep["kind"], y: number, x: number, shift = false, pressure = 1): readonly Operation[] => {
    const step = { kind, at: { y, x }, screen: { y: y * 2, x: x * 2 }, shift, pressed: toolbox.busy || kind === "down", pressure };
    const operations = toolbox.step(state.tool, step, scene());
    perform(operations, editor, (operation) => {
      if (operation.kind === "select") state.selected = operation.id;
      else if (operation.kind === "switch") state.tool = operation.tool;
      else if (operation.kind === "sketch") state.sketch = operation.sketch;
      else if (operation.kind === "tolerance") state.tolerance = operation.tolerance;
      else state.panned = { dy: state.panned.dy + operation.dy, dx: state.panned.dx + operation.dx };
    });
    return operations;
  };
  const stroke = (points: [number, number][], shift = false) => {
    points.forEach(([y, x], i) => send(i === 0 ? "down" : "move", y, x, shift));
    const [y, x] = points.at(-1)!;
    send("up", y, x);
  };
  return { editor, edits, state, send, stroke, toolbox };
}

describe("new cell", () => {
  it("makes one cell a stroke, selects it, and never paints over a neighbour", () => {
    const { editor, edits, state, stroke } = bench();
    stroke([[20, 20], [20, 30]]);
    expect(state.selected).toBe(1);
    const area = editor.map.area(1);
    stroke([[24, 20], [24, 30]]);
    expect(state.selected).toBe(2);
    expect(editor.map.area(1)).toBe(area);
    expect(edits).toEqual([{ tool: "new-cell", cell: 1 }, { tool: "new-cell", cell: 2 }]);
  });

  it("with Shift goes on with the selected cell", () => {
    const { editor, stroke } = bench();
    stroke([[20, 20]]);
    stroke([[60, 60]], true);
    expect(editor.map.ids()).toEqual([1]);
    expect(editor.map.at(60, 60)).toBe(1);
  });

  it("fills what it circled", () => {
    const { editor, stroke } = bench({ radius: 1 });
    const circle = Array.from({ length: 33 }, (_, i): [number, number] => [50 + 20 * Math.sin((i / 32) * 2 * Math.PI), 50 + 20 * Math.cos((i / 32) * 2 * Math.PI)]);
    stroke(circle);
    expect(editor.map.at(50, 50)).toBe(1);
  });
});

describe("brush", () => {
  it("extends the cell it begins in, and goes on with the selected cell on background", () => {
    const { editor, state, stroke } = bench();
    stroke([[20, 20]]);
    stroke([[70, 70]]);
    state.tool = "brush";
    stroke([[20, 20], [20, 40]]);
    expect(state.selected).toBe(1);
    expect(editor.map.at(20, 40)).toBe(1);
    stroke([[40, 40]]);
    expect(editor.map.at(40, 40)).toBe(1);
  });

  it("begins a cell where nothing is selected", () => {
    const { editor, state, stroke } = bench();
    state.tool = "brush";
    stroke([[20, 20]]);
    expect(editor.map.ids()).toEqual([1]);
    expect(state.selected).toBe(1);
  });

  it("paints over others only when protection is off", () => {
    const { editor, state, stroke } = bench({ protect: false });
    stroke([[20, 20]]);
    stroke([[20, 50]]);
    state.tool = "brush";
    stroke([[20, 50], [20, 20]]);
    expect(editor.map.at(20, 20)).toBe(2);
  });
});

describe("eraser", () => {
  it("begun in a cell trims that cell alone", () => {
    const { editor, state, stroke } = bench();
    stroke([[20, 20], [20, 30]]);
    stroke([[28, 20], [28, 30]]);
    const second = editor.map.area(2);
    state.tool = "eraser";
    stroke([[20, 20], [28, 30]]);
    expect(editor.map.area(2)).toBe(second);
    expect(editor.map.at(20, 20)).toBe(0);
  });

  it("begun outside erases whatever it meets", () => {
    const { editor, state, stroke } = bench();
    stroke([[20, 20]]);
    stroke([[20, 40]]);
    state.tool = "eraser";
    stroke([[20, 5], [20, 60]]);
    expect(editor.map.at(20, 20)).toBe(0);
    expect(editor.map.at(20, 40)).toBe(0);
  });
});

describe("delete, pick, pan", () => {
  it("deletes the whole cell, lets go of it, and undo brings it back", () => {
    const { editor, state, stroke, edits } = bench();
    stroke([[20, 20], [60, 60]]);
    const area = editor.map.area(1);
    state.tool = "delete-cell";
    stroke([[40, 40]]);
    expect(editor.map.cellCount).toBe(0);
    expect(state.selected).toBeNull();
    editor.undo();
    expect(editor.map.area(1)).toBe(area);
    expect(edits.map((edit) => edit.tool)).toEqual(["new-cell", "delete-cell", "undo"]);
    stroke([[90, 5]]);
    expect(edits).toHaveLength(3);
  });

  it("picks a cell and hands over to the brush; background lets go", () => {
    const { state, stroke } = bench();
    stroke([[20, 20]]);
    stroke([[60, 60]]);
    state.tool = "picker";
    stroke([[20, 20]]);
    expect(state).toMatchObject({ selected: 1, tool: "brush" });
    state.tool = "picker";
    stroke([[90, 90]]);
    expect(state).toMatchObject({ selected: null, tool: "picker" });
  });

  it("pans in screen pixels and draws nothing", () => {
    const { state, stroke, edits } = bench();
    state.tool = "pan";
    stroke([[10, 10], [15, 12], [30, 20]]);
    expect(state.panned).toEqual({ dy: 40, dx: 20 });
    expect(edits).toHaveLength(0);
  });
});

describe("the toolbox", () => {
  it("keeps a drag with the tool it began with, and gives it up on cancel", () => {
    const { editor, edits, state, send } = bench();
    send("down", 20, 20);
    state.tool = "pan";
    send("move", 20, 30);
    expect(editor.map.at(20, 30)).toBe(1);
    send("cancel", 20, 30);
    expect(editor.map.cellCount).toBe(0);
    expect(edits).toHaveLength(0);
    expect(send("up", 20, 30)).toEqual([]);
  });
});

describe("regions out of points", () => {
  it("a lasso fills what it circled in one edit, and paints nothing before", () => {
    const { editor, state, edits, send } = bench();
    state.tool = "lasso";
    send("down", 10, 10);
    send("move", 10, 40);
    send("move", 40, 40);
    expect([editor.map.cellCount, state.sketch?.points.length]).toEqual([0, 3]);
    send("up", 40, 10);
    expect([editor.map.area(1), state.selected, state.sketch]).toEqual([900, 1, null]);
    expect(edits).toEqual([{ tool: "lasso", cell: 1 }]);
  });

  it("a polygon waits for its corners, and closes on the first, on a second click in place, or by Enter", () => {
    for (const close of ["first", "again", "enter"]) {
      const { editor, state, edits, send, stroke, toolbox } = bench();
      state.tool = "polygon";
      stroke([[10, 10]]);
      stroke([[10, 40]]);
      send("move", 30, 30);
      expect(state.sketch?.points.at(-1)).toEqual({ y: 30, x: 30 });
      stroke([[40, 40]]);
      stroke([[40, 10]]);
      expect([editor.map.cellCount, toolbox.pending]).toEqual([0, true]);
      if (close === "first") stroke([[11, 12]]);
      else if (close === "again") stroke([[40, 10]]);
      else send("finish", 0, 0);
      expect([editor.map.area(1), edits.length, toolbox.pending, state.sketch]).toEqual([900, 1, false, null]);
    }
  });

  it("a polygon that is left, or has two corners, leaves nothing; moving the image does not disturb it", () => {
    const { editor, edits, state, send, stroke, toolbox } = bench();
    state.tool = "polygon";
    stroke([[10, 10]]);
    state.tool = "pan";
    stroke([[50, 50], [60, 60]]);
    expect(toolbox.pending).toBe(true);
    state.tool = "polygon";
    stroke([[10, 40]]);
    send("finish", 0, 0);
    expect([toolbox.pending, edits.length]).toEqual([false, 0]);
    stroke([[10, 10]]);
    state.tool = "brush";
    stroke([[50, 50]]);
    expect([toolbox.pending, state.sketch, editor.map.ids().length, edits.length]).toEqual([false, null, 1, 1]);
  });

  it("what was there before is kept while other cells are protected", () => {
    const { editor, state, stroke } = bench();
    stroke([[20, 20]]);
    const area = editor.map.area(1);
    state.tool = "lasso";
    stroke([[5, 5], [5, 60], [60, 60], [60, 5]]);
    expect(editor.map.area(1)).toBe(area);
    expect(editor.map.area(2)).toBe(55 * 55 - area);
  });
});

describe("regions out of the image", () => {
  /** A bright square with one dim pixel in it, on dark ground, in 16 bits. */
  function lit() {
    const texels = new Uint16Array(100 * 100).fill(1000);
    for (let y = 30; y < 60; y++) texels.fill(21_000, y * 100 + 30, y * 100 + 60);
    for (const y of [44, 45, 46]) texels.fill(9000, y * 100 + 44, y * 100 + 47);
    return { height: 100, width: 100, texels, low: 0, high: 40_000 };
  }

  it("the wand takes what is like the pixel pressed on, more or less as the drag goes, in one edit; its hole is filled", () => {
    const { editor, state, edits, send } = bench({ plane: lit() });
    state.tool = "wand";
    send("down", 35, 35);
    const tight = editor.map.area(1);
    expect(tight).toBeGreaterThan(27 * 27);
    expect(editor.map.at(45, 45)).toBe(1);
    expect(editor.map.at(20, 20)).toBe(0);
    send("move", 35, 35 + 200);
    expect(editor.map.at(20, 20)).toBe(1); // 100% more: everything
    send("move", 35, 33);
    expect(editor.map.area(1)).toBeLessThanOrEqual(tight);
    send("up", 35, 33);
    expect(state.tolerance).toBeCloseTo(0.09);
    expect([edits.length, state.selected, state.sketch]).toEqual([1, 1, null]);
    editor.undo();
    expect(editor.map.cellCount).toBe(0);
  });

  it("the threshold takes the side of the point that was pressed, bright or dark", () => {
    const { editor, state, edits, stroke } = bench({ plane: lit(), fillCircled: false });
    state.tool = "threshold";
    stroke([[35, 35]]);
    expect(Math.abs(editor.map.area(1) - 900)).toBeLessThan(130);
    expect(editor.map.at(10, 10)).toBe(0);
    stroke([[10, 10]]);
    expect(editor.map.area(1) + editor.map.area(2)).toBeGreaterThan(9900);
    expect(edits.map(({ tool }) => tool)).toEqual(["threshold", "threshold"]);
  });

  it("do nothing before the image is there, and nothing on a cell that is protected", () => {
    const blind = bench();
    blind.state.tool = "wand";
    blind.stroke([[35, 35]]);
    expect(blind.edits).toEqual([]);
    const { edits, state, stroke } = bench({ plane: lit() });
    stroke([[35, 35]]);
    state.tool = "wand";
    stroke([[35, 35]]);
    expect(edits).toHaveLength(1);
  });
});

describe("split and join", () => {
  function dumbbell() {
    const made = bench({ radius: 10 });
    made.stroke([[50, 30]]);
    made.stroke([[50, 46]], true);
    return made;
  }

  it("splits along a line that goes through, and leaves the cell where it does not", () => {
    const { editor, state, edits, stroke } = dumbbell();
    const area = editor.map.area(1);
    state.tool = "split-line";
    stroke([[30, 38], [50, 38]]);
    expect([editor.map.cellCount, edits.length]).toEqual([1, 2]);
    stroke([[30, 38], [70, 38]]);
    expect(editor.map.ids()).toEqual([1, 2]);
    expect(editor.map.area(1) + editor.map.area(2)).toBe(area);
    expect([editor.map.at(50, 30), editor.map.at(50, 46)].sort()).toEqual([1, 2]);
    editor.undo();
    expect(editor.map.area(1)).toBe(area);
  });

  it.each(["two clicks", "a drag"])("splits between two points by %s: each keeps its side, cut at the neck", (way) => {
    const { editor, state, edits, stroke } = dumbbell();
    state.tool = "split-points";
    if (way === "a drag") stroke([[50, 27], [50, 50]]);
    else {
      stroke([[50, 27]]);
      expect(state.sketch?.points).toHaveLength(1);
      stroke([[50, 50]]);
    }
    expect([editor.map.at(50, 27), editor.map.at(50, 50), state.sketch]).toEqual([1, 2, null]);
    expect(Math.abs(editor.map.area(1) - editor.map.area(2))).toBeLessThan(40);
    expect(edits.at(-1)).toEqual({ tool: "split-points", cell: 1 });
  });

  it.each(["clicks", "a drag"])("joins by %s; the first cell gives its number", (way) => {
    const { editor, state, edits, stroke } = bench();
    stroke([[20, 20]]);
    stroke([[20, 60]]);
    stroke([[60, 20]]);
    state.tool = "merge";
    if (way === "a drag") stroke([[20, 60], [20, 20], [60, 20]]);
    else {
      stroke([[20, 60]]);
      stroke([[20, 20]]);
      stroke([[20, 60]]);
      stroke([[60, 20]]);
    }
    expect([editor.map.ids(), state.selected, state.sketch]).toEqual([[2], 2, null]);
    const joins = way === "a drag" ? 1 : 2;
    expect(edits.filter(({ tool }) => tool === "merge")).toHaveLength(joins);
    for (let i = 0; i < joins; i++) editor.undo();
    expect(editor.map.ids()).toEqual([1, 2, 3]);
  });
});

describe("a pen", () => {
  it("paints as wide as it is pressed", () => {
    const { editor, send } = bench({ radius: 10, fillCircled: false });
    for (const [x, pressure] of [[20, 0], [50, 0.5], [80, 1]] as const) {
      send("down", 50, x, false, pressure);
      send("up", 50, x, false, 0);
    }
    const [light, middle, hard] = [1, 2, 3].map((id) => editor.map.area(id));
    expect(light).toBeLessThan(30);
    expect(middle).toBeGreaterThan(light! * 3);
    expect(Math.abs(hard! - Math.PI * 100)).toBeLessThan(25);
  });
});

describe("where ids are classes", () => {
  it("the brush paints the class in hand wherever it begins, and selects nothing", () => {
    const { editor, state, stroke } = bench({ paintClass: 2, protect: false, fillCircled: false });
    state.tool = "brush";
    stroke([[20, 20], [20, 60]]);
    const other = bench({ paintClass: 1, protect: false, fillCircled: false });
    other.editor.replace(editor.map, new Map(), []);
    other.state.tool = "brush";
    other.stroke([[20, 40]]);
    expect([editor.map.at(20, 40), editor.map.at(20, 20)]).toEqual([1, 2]);
    expect([state.selected, other.state.selected]).toEqual([null, null]);
    other.state.tool = "eraser";
    other.stroke([[20, 20]]);
    expect(editor.map.at(20, 20)).toBe(0);
  });

  it("lasso and fill give the class in hand, and select nothing", () => {
    const { editor, state, stroke, edits } = bench({ paintClass: 3, protect: false });
    state.tool = "lasso";
    stroke([[10, 10], [10, 40], [40, 40], [40, 10]]);
    state.tool = "fill-region";
    stroke([[80, 80]]);
    expect([editor.map.area(3), state.selected, edits.length]).toEqual([10_000, null, 2]);
  });
});
