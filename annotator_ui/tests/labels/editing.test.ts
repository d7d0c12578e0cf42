import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxesOf } from "../../src/labels/boxes";
import { Editor, type LocalEdit } from "../../src/labels/editor";
import { deflateTile, fromBase64, inflateTile, pixelBytes, toBase64 } from "../../src/labels/encoding";
import { LabelMap } from "../../src/labels/label-map";
import { rebase } from "../../src/labels/rebase";
import type { Over } from "../../src/labels/stroke";
import { applyDelta, fromRuns, readTile, TILE, TILE_PIXELS, TileVersions, toRuns, type Delta } from "../../src/labels/tiles";

const HEIGHT = 200;
const WIDTH = 300;
const point = fc.record({ y: fc.double({ min: -20, max: HEIGHT + 20, noNaN: true }), x: fc.double({ min: -20, max: WIDTH + 20, noNaN: true }) });
const over: fc.Arbitrary<Over> = fc.oneof(
  fc.constant<Over>({ kind: "background" }),
  fc.constant<Over>({ kind: "anything" }),
  fc.integer({ min: 1, max: 5 }).map((id): Over => ({ kind: "cell", id })),
);
type Action =
  | { kind: "stroke"; points: { y: number; x: number }[]; radius: number; id: number; over: Over; fill: boolean; abort: boolean }
  | { kind: "delete"; id: number }
  | { kind: "undo" }
  | { kind: "redo" };
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({
    kind: fc.constant("stroke" as const), points: fc.array(point, { minLength: 1, maxLength: 4 }),
    radius: fc.double({ min: 0.5, max: 30, noNaN: true }), id: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(4_294_967_295)),
    over, fill: fc.boolean(), abort: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), id: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 2, arbitrary: fc.constant<Action>({ kind: "undo" }) },
  { weight: 2, arbitrary: fc.constant<Action>({ kind: "redo" }) },
);

function play(editor: Editor, actions: readonly Action[]): void {
  for (const act of actions) {
    if (act.kind === "undo") editor.undo();
    else if (act.kind === "redo") editor.redo();
    else if (act.kind === "delete") {
      editor.apply("delete-cell", { cell: act.id }, (stroke) => stroke.replaceCell(act.id, 0));
    } else {
      editor.begin("brush", {});
      act.points.forEach((to, i) => editor.paint(act.points[Math.max(0, i - 1)]!, to, act.radius, act.id, act.over));
      if (act.fill && act.id !== 0) editor.fillCircled(act.id, { kind: "background" });
      if (act.abort) editor.abort();
      else editor.commit();
    }
  }
}

function recorded(map: LabelMap): { editor: Editor; edits: LocalEdit[] } {
  const edits: LocalEdit[] = [];
  return { editor: new Editor(map, { drawn: () => {}, edited: (edit) => edits.push(edit) }), edits };
}

describe("editing a label map", () => {
  it("undo takes back every change and redo restores it, pixel for pixel", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
        const { editor } = recorded(new LabelMap(HEIGHT, WIDTH));
        play(editor, actions);
        const final = editor.map.data.slice();
        let steps = 0;
        while (editor.undo()) steps++;
        expect(editor.map.data.every((id) => id === 0)).toBe(true);
        for (let i = 0; i < steps; i++) expect(editor.redo()).toBe(true);
        // Whatever was undone before may be redone beyond `final`; those steps back are exact too.
        expect(Buffer.compare(Buffer.from(editor.map.data.buffer), Buffer.from(final.buffer))).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("the fold of the edits is the map, and the areas and versions follow", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
        const { editor, edits } = recorded(new LabelMap(HEIGHT, WIDTH));
        play(editor, actions);
        const folded = new LabelMap(HEIGHT, WIDTH);
        const versions = new TileVersions();
        const touched = new Map<string, number>();
        for (const edit of edits) {
          expect(edit.delta.length).toBeGreaterThan(0);
          applyDelta(folded, edit.delta);
          versions.bump(edit.delta);
          for (const tile of edit.delta) touched.set(`${tile.y},${tile.x}`, (touched.get(`${tile.y},${tile.x}`) ?? 0) + 1);
        }
        expect(Buffer.compare(Buffer.from(folded.data.buffer), Buffer.from(editor.map.data.buffer))).toBe(0);
        expect(versions.toRecord()).toEqual(Object.fromEntries(touched));
        const fresh = new LabelMap(HEIGHT, WIDTH, editor.map.data.slice());
        expect(editor.map.ids()).toEqual(fresh.ids());
        for (const id of fresh.ids()) {
          expect(editor.map.area(id)).toBe(fresh.area(id));
          expect(editor.map.extent(id)).toEqual(boxesOf(fresh).get(id));
        }
      }),
      { numRuns: 40 },
    );
  });

  it("a history replayed from the line of edits undoes like the one that lived", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
        const { editor, edits } = recorded(new LabelMap(HEIGHT, WIDTH));
        play(editor, actions);
        const { editor: restored } = recorded(editor.map.copy());
        restored.history.replay(edits);
        for (let i = 0; i < 5; i++) {
          const step = i % 2 ? "redo" : "undo";
          expect(restored[step]()).toBe(editor[step]());
          expect(Buffer.compare(Buffer.from(restored.map.data.buffer), Buffer.from(editor.map.data.buffer))).toBe(0);
        }
        while (editor.undo()) expect(restored.undo()).toBe(true);
        expect(restored.undo()).toBe(false);
        expect(restored.map.cellCount).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it("an aborted stroke leaves no trace", () => {
    const { editor, edits } = recorded(new LabelMap(64, 64));
    editor.begin("brush", {});
    editor.paint({ y: 10, x: 10 }, { y: 40, x: 40 }, 6, 1, { kind: "background" });
    editor.abort();
    expect(editor.map.cellCount).toBe(0);
    expect(edits).toHaveLength(0);
    expect(editor.undo()).toBe(false);
  });

  it("a stroke that is done again and again leaves what the last did, as one edit", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 6 }), point, point, (actions, first, last) => {
        const { editor, edits } = recorded(new LabelMap(HEIGHT, WIDTH));
        play(editor, actions);
        const { editor: once } = recorded(editor.map.copy());
        const made = edits.length;
        editor.begin("wand", {});
        for (const at of [first, last]) editor.again({}, (stroke) => void stroke.paintCapsule(at, at, 20, 9, { kind: "background" }));
        editor.commit();
        once.apply("wand", {}, (stroke) => void stroke.paintCapsule(last, last, 20, 9, { kind: "background" }));
        expect(editor.map.data).toEqual(once.map.data);
        expect(edits.length - made).toBe(editor.map.area(9) > 0 ? 1 : 0);
      }),
      { numRuns: 20 },
    );
  });

  it("a stroke that ended under the hand takes nothing more", () => {
    const { editor, edits } = recorded(new LabelMap(64, 64));
    editor.begin("brush", {});
    editor.undo();
    editor.paint({ y: 10, x: 10 }, { y: 20, x: 20 }, 4, 1, { kind: "anything" });
    editor.again({}, (stroke) => stroke.replaceCell(1, 2));
    editor.commit();
    expect(edits).toHaveLength(0);
  });

  it("an id is never given twice, even after undo", () => {
    const { editor } = recorded(new LabelMap(64, 64));
    const first = editor.map.nextId();
    editor.begin("new-cell", {});
    editor.paint({ y: 10, x: 10 }, { y: 10, x: 10 }, 4, first, { kind: "background" });
    editor.commit();
    editor.undo();
    expect(editor.map.nextId()).toBe(first + 1);
  });
});

describe("the encoding of tiles", () => {
  const tile = fc.array(fc.tuple(fc.integer({ min: 0, max: TILE_PIXELS - 1 }), fc.integer({ min: 0, max: 4_294_967_295 })), { maxLength: 60 }).map((pixels) => {
    const xor = new Uint32Array(TILE_PIXELS);
    for (const [at, value] of pixels) xor.fill(value, at, at + 9);
    return xor;
  });

  it("runs and raw deflate round-trip, in the bytes that any other implementation reads", async () => {
    await fc.assert(
      fc.asyncProperty(tile, async (xor) => {
        expect(fromRuns(toRuns(xor))).toEqual(xor);
        const bytes = fromBase64(toBase64(await deflateTile(toRuns(xor))));
        const foreign = inflateRawSync(bytes);
        expect(foreign.byteLength).toBe(65_536);
        for (let i = 0; i < TILE_PIXELS; i += 97) expect(foreign.readUInt32LE(i * 4)).toBe(xor[i]);
        expect(fromRuns(await inflateTile(new Uint8Array(deflateRawSync(foreign))))).toEqual(xor);
      }),
      { numRuns: 15 },
    );
  });

  it("refuses a stream that is not one tile", async () => {
    await expect(inflateTile(new Uint8Array(deflateRawSync(Buffer.alloc(100))))).rejects.toThrow(RangeError);
    await expect(inflateTile(new Uint8Array([1, 2, 3]))).rejects.toThrow();
  });

  it("pads border tiles with zeros and hashes the map without padding", () => {
    const map = new LabelMap(130, 150);
    map.set(129 * 150 + 149, 7);
    const last = readTile(map, 1, 1);
    expect(last[1 * TILE + 21]).toBe(7);
    expect(last.reduce((a, b) => a + b, 0)).toBe(7);
    // python: hashlib.sha256(labels.astype("<u4").tobytes()) of a zeros((130, 150)) with [129, 149] = 7
    const expected = Buffer.alloc(130 * 150 * 4);
    expected.writeUInt32LE(7, (129 * 150 + 149) * 4);
    const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(sha(pixelBytes(map.data))).toBe(sha(expected));
  });
});

describe("rebasing edits onto another base", () => {
  it("gives the pixels each stroke set the ids it gave them, and leaves the rest as others made it", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 6 }), fc.array(action, { maxLength: 6 }), (foreign, own) => {
        const theirs = recorded(new LabelMap(HEIGHT, WIDTH));
        play(theirs.editor, foreign);
        const mine = recorded(new LabelMap(HEIGHT, WIDTH));
        play(mine.editor, own);
        const deltas: Delta[] = mine.edits.map((edit) => edit.delta);

        const expected = theirs.editor.map.copy();
        const replay = new LabelMap(HEIGHT, WIDTH);
        for (const delta of deltas) {
          const before = replay.data.slice();
          applyDelta(replay, delta);
          replay.data.forEach((id, i) => id !== before[i] && expected.set(i, id));
        }
        const onto = theirs.editor.map.copy();
        const moved = rebase(deltas, new LabelMap(HEIGHT, WIDTH), onto);
        expect(Buffer.compare(Buffer.from(onto.data.buffer), Buffer.from(expected.data.buffer))).toBe(0);
        const folded = theirs.editor.map.copy();
        moved.forEach((delta) => applyDelta(folded, delta));
        expect(Buffer.compare(Buffer.from(folded.data.buffer), Buffer.from(expected.data.buffer))).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  it("changes nothing where the base is the same", () => {
    const { editor, edits } = recorded(new LabelMap(HEIGHT, WIDTH));
    play(editor, [{ kind: "stroke", points: [{ y: 100, x: 100 }, { y: 150, x: 180 }], radius: 9, id: 1, over: { kind: "anything" }, fill: false, abort: false }]);
    const deltas = edits.map((edit) => edit.delta);
    expect(rebase(deltas, new LabelMap(HEIGHT, WIDTH), new LabelMap(HEIGHT, WIDTH))).toEqual(deltas);
  });
});
