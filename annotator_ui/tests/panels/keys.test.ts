import { describe, expect, it, vi } from "vitest";
import type { AssignmentSession } from "../../src/session/assignment";

vi.stubGlobal("window", { location: { pathname: "/", search: "" } });
const { keyFor } = await import("../../src/panels/workbench/keys");
const { instanceKeys } = await import("../../src/panels/workbench/modes/instance-segmentation");
const { Display } = await import("../../src/panels/workbench/display");

type Held = { ctrlKey?: boolean; shiftKey?: boolean; altKey?: boolean; metaKey?: boolean };
const calls: string[] = [];
const session = { redo: () => calls.push("redo"), undo: () => calls.push("undo") } as unknown as AssignmentSession;
const display = new Display({ height: 10, width: 10 });
const groups = instanceKeys(session, display, { submit: () => {}, showKeys: () => {} });
const find = (key: string, held: Held = {}) => keyFor(groups, { key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });
const press = (key: string, held: Held = {}) => find(key, held)?.does;

describe("the keyboard", () => {
  it("finds the tools and edits by the keys the sheet names", () => {
    expect(press("b")).toBe("Brush");
    expect(press("N", { shiftKey: true })).toBe("New cell");
    expect(press("z", { ctrlKey: true })).toBe("Undo");
    expect(press("z", { metaKey: true })).toBe("Undo");
    expect(press("Enter", { ctrlKey: true })).toBe("Submit and take the next image");
    expect(press("Delete")).toBe("Delete the cell under the pointer, else the selected one");
    expect(press("?", { shiftKey: true })).toBe("This sheet");
  });

  it("redoes with Ctrl Shift Z and with Ctrl Y", () => {
    find("Z", { ctrlKey: true, shiftKey: true })!.run();
    find("y", { ctrlKey: true })!.run();
    expect(calls).toEqual(["redo", "redo"]);
  });

  it("leaves the browser's own keys alone", () => {
    expect(press("f", { ctrlKey: true })).toBeUndefined();
    expect(press("c", { ctrlKey: true })).toBeUndefined();
    expect(press("d", { altKey: true })).toBeUndefined();
    expect(press("Tab")).toBeUndefined();
  });

  it("inverts the image and colours cells in another way; by certainty only where a draft has one", async () => {
    const { nextColouring } = await import("../../src/panels/workbench/look-keys");
    expect(press("i")).toBe("Invert the image");
    find("i")!.run();
    expect(display.inverted.value).toBe(true);
    expect([nextColouring("id", true), nextColouring("one", true), nextColouring("certainty", true)]).toEqual(["one", "certainty", "id"]);
    expect([nextColouring("id", false), nextColouring("one", false)]).toEqual(["one", "id"]);
  });

  it("gives no key two meanings", () => {
    const seen = new Set<string>();
    for (const key of groups.flatMap(({ keys }) => keys))
      for (const name of key.keys) {
        const full = `${key.ctrl ? "ctrl " : ""}${key.shift ? "shift " : ""}${name}`;
        expect(seen.has(full), full).toBe(false);
        seen.add(full);
      }
  });
});
