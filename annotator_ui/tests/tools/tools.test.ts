import { describe, expect, it } from "vitest";
import { Editor } from "../../src/labels/editor";
import { LabelMap } from "../../src/labels/label-map";
import type { Operation, PointerStep, Scene, ToolId } from "../../src/tools/tool";
import { perform, Toolbox } from "../../src/tools/toolbox";

/** A bench without a browser: the toolbox on an editor, with the settings a person would have. */
function bench(settings: Partial<Pick<Scene, "radius" | "protect" | "fillCircled" | "paintClass">> = {}) {
  const edits: { tool: string; cell: unknown }[] = [];
  const editor = new Editor(new LabelMap(100, 100), {
    drawn: () => {},
    edited: (edit) => edits.push({ tool: edit.tool, cell: edit.params["cell"] }),
  });
  const toolbox = new Toolbox();
  const state = { selected: null as number | null, tool: "new-cell" as ToolId, panned: { dy: 0, dx: 0 } };
  const scene = (): Scene => ({
    cellAt: (at) => editor.map.at(Math.floor(at.y), Math.floor(at.x)),
    nextId: () => editor.map.nextId(),
    selected: state.selected,
    paintClass: null,
    radius: 4,
    protect: true,
    fillCircled: true,
    ...settings,
  });
  const send = (kind: PointerStep["kind"], y: number, x: number, shift = false): readonly Operation[] => {
    const operations = toolbox.step(state.tool, { kind, at: { y, x }, screen: { y: y * 2, x: x * 2 }, shift }, scene());
    perform(operations, editor, (operation) => {
      if (operation.kind === "select") state.selected = operation.id;
      else if (operation.kind === "switch") state.tool = operation.tool;
      else state.panned = { dy: state.panned.dy + operation.dy, dx: state.panned.dx + operation.dx };
    });
    return operations;
  };
  const stroke = (points: [number, number][], shift = false) => {
    points.forEach(([y, x], i) => send(i === 0 ? "down" : "move", y, x, shift));
    const [y, x] = points.at(-1)!;
    send("up", y, x);
  };
  return { editor, edits, state, send, stroke };
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
});
