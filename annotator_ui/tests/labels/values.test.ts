import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Editor, type LocalEdit } from "../../src/labels/editor";
import { LabelMap } from "../../src/labels/label-map";
import { applyChanges, canonicalJson, changesTo, invertChanges, rebaseChanges, sameValue, sameValues, type Value } from "../../src/labels/values";
import { labelsSha256, readingSha256, valuesSha256 } from "../../src/session/digest";

const python = fileURLToPath(new URL("../../../.venv/bin/python", import.meta.url));
const key = fc.constantFrom("0", "1", "2", "10", "3:14", "trial");
const value: fc.Arbitrary<Value> = fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 3 }), fc.integer(), fc.boolean());
const values = fc.array(fc.tuple(key, value)).map((entries) => new Map(entries));
const wanted = fc.dictionary(key, fc.option(value));

describe("values", () => {
  it("become what is wanted, and go back to what they were", () => {
    fc.assert(
      fc.property(values, wanted, (before, want) => {
        const changes = changesTo(before, want);
        const after = applyChanges(before, changes);
        for (const [name, said] of Object.entries(want)) expect(sameValue(after.get(name) ?? null, said)).toBe(true);
        for (const [name, said] of before) if (!(name in want)) expect(after.get(name)).toEqual(said);
        expect(sameValues(applyChanges(after, invertChanges(changes)), before)).toBe(true);
        expect(changesTo(after, want)).toEqual({});
      }),
    );
  });

  it("moved onto another base mean the same, over what is there now", () => {
    const changes = changesTo(new Map(), { "1": ["mitosis"], "2": ["other"] });
    const base = new Map<string, Value>([["1", ["interphase"]], ["2", ["other"]]]);
    expect(rebaseChanges(changes, base)).toEqual({ "1": [["interphase"], ["mitosis"]] });
  });

  it("keep a list's order, and tell a list from its only item", () => {
    expect(sameValue(["a", "b"], ["b", "a"])).toBe(false);
    expect(sameValue(["a"], "a")).toBe(false);
    expect(sameValue(1, true)).toBe(false);
  });
});

describe("one history over pixels and values", () => {
  it("takes back a batch as one step, in the order it was done", () => {
    const edits: LocalEdit[] = [];
    const editor = new Editor(new LabelMap(40, 40), { drawn: () => {}, edited: (edit) => edits.push(edit) });
    editor.change("class", {}, { "1": ["a"], "2": ["a"], "3": ["a"] });
    editor.begin("brush", { cell: 1 });
    editor.paint({ y: 10, x: 10 }, { y: 10, x: 20 }, 3, 1, { kind: "anything" });
    expect(editor.change("class", {}, { "2": ["b"] })).toBe(true); // ends the stroke first
    expect(editor.change("class", {}, { "2": ["b"] })).toBe(false);
    expect(edits.map(({ tool }) => tool)).toEqual(["class", "brush", "class"]);
    editor.undo();
    expect(editor.values.get("2")).toEqual(["a"]);
    editor.undo();
    expect(editor.map.cellCount).toBe(0);
    editor.undo();
    expect(editor.values.size).toBe(0);
    expect(edits.at(-1)).toMatchObject({ tool: "undo", changes: { "1": [["a"], null], "3": [["a"], null] } });
    editor.redo();
    editor.redo();
    editor.redo();
    expect([editor.values.get("2"), editor.map.cellCount]).toEqual([["b"], 1]);
    // A line of edits replayed undoes like the one that lived.
    const again = new Editor(editor.map.copy(), { drawn: () => {}, edited: () => {} }, editor.values);
    again.history.replay(edits);
    again.undo();
    expect(again.values.get("2")).toEqual(["a"]);
    again.undo();
    again.undo();
    expect([again.values.size, again.map.cellCount, again.history.canUndo]).toEqual([0, 0, false]);
  });

  it("never takes back what can be said only once", () => {
    const editor = new Editor(new LabelMap(4, 4), { drawn: () => {}, edited: () => {} }, new Map(), new Set(["trial"]));
    editor.change("answer", {}, { trial: "a" });
    expect(editor.undo()).toBe(false);
    expect(editor.values.get("trial")).toBe("a");
  });
});

describe("digests of readings", () => {
  const data = Uint32Array.from([0, 1, 2, 70_000]);
  const said = new Map<string, Value>([["trial", "a"], ["preference", "same"]]);
  const sha = (text: string) => createHash("sha256").update(text).digest("hex");

  it("are of the pixels, of the values, or of both hashes", async () => {
    const pixels = await labelsSha256(data);
    expect(await readingSha256(data, said, { paints: true, answers: false })).toBe(pixels);
    expect(await readingSha256(data, said, { paints: false, answers: true })).toBe(sha('{"preference":"same","trial":"a"}'));
    expect(await readingSha256(data, said, { paints: true, answers: true })).toBe(sha(pixels + (await valuesSha256(said))));
    expect(await readingSha256(data, new Map(), { paints: false, answers: true })).toBe(sha("{}"));
  });

  it.skipIf(!existsSync(python))("are those that Python computes", async () => {
    const documents = [
      {},
      { "10": ["Mitose", "größer"], "9": ["b"], "2": [] },
      { "0:3": "0:2", a: 1, B: true, c: false, "é": "\u2028 \u0007 \"quoted\" \\ / \n 🧫", "😀": "", "\uffee": [1, 2] },
      ...fc.sample(fc.dictionary(fc.string({ unit: "grapheme" }), value.filter((v) => !Object.is(v, -0))), { numRuns: 60, seed: 5 }),
    ];
    const code = [
      "import json, sys",
      "from cellcommons.canonical import canonical_json, sha256_hex",
      "print(json.dumps([sha256_hex(canonical_json(d)) for d in json.load(sys.stdin)]))",
    ].join("\n");
    const answer = JSON.parse(execFileSync(python, ["-c", code], { input: JSON.stringify(documents), encoding: "utf8" })) as string[];
    for (const [i, document] of documents.entries()) {
      expect(sha(canonicalJson(document)), JSON.stringify(document)).toBe(answer[i]);
      expect(await valuesSha256(new Map(Object.entries(document)) as Map<string, Value>)).toBe(answer[i]);
    }
  });
});
