/** The hub folds in Python what the browser draws in TypeScript: both must mean the same pixels. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Editor } from "../../src/labels/editor";
import { fromBase64, inflateTile } from "../../src/labels/encoding";
import { LabelMap } from "../../src/labels/label-map";
import { applyDelta, TileVersions } from "../../src/labels/tiles";
import { labelsSha256, newUuid } from "../../src/session/digest";
import { toWire } from "../../src/session/wire";

const python = fileURLToPath(new URL("../../../.venv/bin/python", import.meta.url));
const HEIGHT = 300;
const WIDTH = 413;

const FOLD = `
import json, sys
import numpy as np
from cellcommons.edits import check_tiles, encode_tiles, fold_edits, pixels_sha256
told = json.load(sys.stdin)
shape = (told["height"], told["width"])
for edit in told["edits"]:
    check_tiles(edit["tiles"], shape)
folded = fold_edits(np.zeros(shape, np.uint32), [edit["tiles"] for edit in told["edits"]])
back = encode_tiles(np.zeros(shape, np.uint32), folded, {})
print(json.dumps({"sha256": pixels_sha256(folded), "cells": len(np.unique(folded)) - 1, "tiles": back}))
`;

describe.skipIf(!existsSync(python))("the browser and the hub", () => {
  it("fold the same edits to the same pixels, both ways", async () => {
    const edits: Parameters<typeof toWire>[0][] = [];
    const versions = new TileVersions();
    const editor = new Editor(new LabelMap(HEIGHT, WIDTH), {
      drawn: () => {},
      edited: ({ tool, params, delta }) => {
        const before = delta.map((tile) => versions.get(tile));
        versions.bump(delta);
        edits.push({ assignment: "a", seq: edits.length + 1, uuid: newUuid(), tool, params, delta, versions: before });
      },
    });
    for (let i = 0; i < 40; i++) {
      const id = i % 9 === 8 ? 0 : i === 20 ? 4_294_967_295 : i + 1;
      const y = (i * 97) % HEIGHT;
      const x = (i * 131) % WIDTH;
      editor.begin("brush", { cell: id });
      editor.paint({ y, x }, { y: y + ((i * 7) % 40), x: x + ((i * 11) % 60) - 20 }, 2 + (i % 12), id, { kind: i % 3 ? "background" : "anything" });
      editor.commit();
      if (i % 7 === 6) editor.undo();
      if (i % 14 === 13) editor.redo();
    }
    const told = JSON.stringify({ height: HEIGHT, width: WIDTH, edits: await Promise.all(edits.map(toWire)) });
    const answer = JSON.parse(execFileSync(python, ["-c", FOLD], { input: told, encoding: "utf8" })) as {
      sha256: string;
      cells: number;
      tiles: { y: number; x: number; xor: string }[];
    };
    expect(edits.length).toBeGreaterThan(30);
    expect(answer.sha256).toBe(await labelsSha256(editor.map.data));
    expect(answer.cells).toBe(editor.map.cellCount);
    const back = new LabelMap(HEIGHT, WIDTH);
    applyDelta(back, await Promise.all(answer.tiles.map(async ({ y, x, xor }) => ({ y, x, runs: await inflateTile(fromBase64(xor)) }))));
    expect(await labelsSha256(back.data)).toBe(answer.sha256);
  });
});
