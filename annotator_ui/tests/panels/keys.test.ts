import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("window", { location: { pathname: "/", search: "" } });
const { KEYS, keyFor } = await import("../../src/panels/workbench/keys");
const press = (key: string, held: { ctrlKey?: boolean; shiftKey?: boolean; altKey?: boolean; metaKey?: boolean } = {}) =>
  keyFor({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held })?.does;

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
    const redo = KEYS.flatMap(({ keys }) => keys).find((key) => key.does === "Redo")!;
    const calls: string[] = [];
    const bench = { session: { redo: () => calls.push("redo"), undo: () => calls.push("undo") } } as unknown as Parameters<typeof redo.run>[0];
    keyFor({ key: "Z", ctrlKey: true, metaKey: false, shiftKey: true, altKey: false })!.run(bench);
    keyFor({ key: "y", ctrlKey: true, metaKey: false, shiftKey: false, altKey: false })!.run(bench);
    expect(calls).toEqual(["redo", "redo"]);
  });

  it("leaves the browser's own keys alone", () => {
    expect(press("f", { ctrlKey: true })).toBeUndefined();
    expect(press("c", { ctrlKey: true })).toBeUndefined();
    expect(press("d", { altKey: true })).toBeUndefined();
    expect(press("Tab")).toBeUndefined();
  });

  it("gives no key two meanings", () => {
    const seen = new Set<string>();
    for (const key of KEYS.flatMap(({ keys }) => keys))
      for (const name of key.keys) {
        const full = `${key.ctrl ? "ctrl " : ""}${key.shift ? "shift " : ""}${name}`;
        expect(seen.has(full), full).toBe(false);
        seen.add(full);
      }
  });
});
