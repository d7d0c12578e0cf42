/** Every tool that shapes cells, against the same edit in numpy and scipy: no pixel may differ. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Editor } from "../../src/labels/editor";
import { LabelMap } from "../../src/labels/label-map";
import { pathPixels, type Pixel } from "../../src/labels/line";
import { fillPolygon } from "../../src/labels/polygon";
import { growSimilar } from "../../src/labels/region";
import { fillHoles, growCell, shrinkCell, smoothCell } from "../../src/labels/shape";
import { splitAlong, splitBetween } from "../../src/labels/split";
import type { Stroke } from "../../src/labels/stroke";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const python = `${root}.venv/bin/python`;
const HEIGHT = 140;
const WIDTH = 170;

const REFERENCE = `
import base64, json, sys
import numpy as np
from tests.bench.painting import reference
told = json.load(sys.stdin)
read = lambda text, kind: np.frombuffer(base64.b64decode(text), kind).reshape(told["shape"])
labels, texels = read(told["labels"], "<u4"), read(told["texels"], "<u2")
wrong = []
for number, (name, given, after) in enumerate(told["edits"]):
    given = [tuple(each) if isinstance(each, list) and len(each) == 2 else each for each in given]
    if name == "wand":
        labels = reference.wand(labels, texels, *given, fill=True)
    elif name == "fill_polygon":
        labels = reference.fill_polygon(labels, *given, protect=number % 2 == 0)
    elif name == "split_along":
        labels = reference.split_along(labels, reference.path_pixels([tuple(at) for at in given[0]]), given[1])
    else:
        labels = getattr(reference, name)(labels, *given)
    theirs = read(after, "<u4")
    if not np.array_equal(labels, theirs):
        wrong.append([number, name, int((labels != theirs).sum())])
        labels = theirs
print(json.dumps(wrong))
`;

/** Small and the same every time (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const base64 = (array: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }) => Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");

/** Overlapping discs as cells that touch, with specks, holes and rough edges; a few touch the border. */
function field(random: () => number): { map: LabelMap; texels: Uint16Array } {
  const map = new LabelMap(HEIGHT, WIDTH);
  const texels = new Uint16Array(HEIGHT * WIDTH);
  for (let cell = 1; cell <= 22; cell++) {
    const blobs = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({ dy: (random() - 0.5) * 24, dx: (random() - 0.5) * 24, r: 4 + random() * 9 }));
    const centre = { y: random() * HEIGHT, x: random() * WIDTH };
    for (let y = 0; y < HEIGHT; y++)
      for (let x = 0; x < WIDTH; x++)
        if (blobs.some(({ dy, dx, r }) => Math.hypot(y + 0.5 - centre.y - dy, x + 0.5 - centre.x - dx) < r) && random() < 0.97) map.set(y * WIDTH + x, cell);
  }
  for (let i = 0; i < texels.length; i++) texels[i] = Math.floor((map.data[i] ? 30_000 : 4_000) + random() * 9_000 + 8_000 * Math.sin(i / 900));
  return { map, texels };
}

describe.skipIf(!existsSync(python))("the tools and their reference in Python", () => {
  it.each([1, 2, 3])("mean the same pixels (%i)", (seed) => {
    const random = generator(seed);
    const { map, texels } = field(random);
    const editor = new Editor(map, { drawn: () => {}, edited: () => {} });
    const start = base64(map.data.slice());
    const plane = { height: HEIGHT, width: WIDTH, texels, low: 0, high: 65_535 };
    const anywhere = (): Pixel => ({ y: Math.floor(random() * HEIGHT), x: Math.floor(random() * WIDTH) });
    const some = (): number => map.ids()[Math.floor(random() * map.cellCount)]!;
    const within = (id: number): Pixel => {
      const box = map.extent(id)!;
      for (;;) {
        const at = { y: box.y0 + Math.floor(random() * (box.y1 - box.y0)), x: box.x0 + Math.floor(random() * (box.x1 - box.x0)) };
        if (map.at(at.y, at.x) === id) return at;
      }
    };
    const pair = ({ y, x }: { y: number; x: number }) => [y, x];
    const edits: [string, unknown[], string][] = [];
    const counts: Record<string, number> = {};
    const act = (name: string, given: unknown[], run: (stroke: Stroke) => void) => {
      const before = map.data.slice();
      editor.apply("smooth", {}, run);
      if (map.data.some((id, i) => id !== before[i])) counts[name] = (counts[name] ?? 0) + 1;
      edits.push([name, given, base64(map.data.slice())]);
    };
    for (let i = 0; i < 110; i++) {
      const id = some();
      const [a, b] = [within(id), within(id)];
      const next = map.nextId();
      const acts: (() => void)[] = [
        () => act("split_between", [pair(a), pair(b), next], (stroke) => void splitBetween(stroke, a, b)),
        () => {
          const box = map.extent(id)!;
          const corners = [{ y: box.y0 - 1, x: a.x }, b, { y: box.y1, x: box.x0 + Math.floor(random() * (box.x1 - box.x0)) }];
          act("split_along", [corners.map(pair), next], (stroke) => void splitAlong(stroke, pathPixels(corners)));
        },
        () => {
          const other = some();
          act("merge", [[id, other, id]], (stroke) => stroke.replaceCell(other, id));
        },
        () => act("relabel", [id, next], (stroke) => stroke.replaceCell(id, next)),
        () => act("fill_holes", [id], (stroke) => fillHoles(stroke, id)),
        () => act("grow", [id], (stroke) => growCell(stroke, id)),
        () => act("shrink", [id], (stroke) => shrinkCell(stroke, id)),
        () => act("smooth", [id], (stroke) => smoothCell(stroke, id)),
        () => {
          const corners = Array.from({ length: 3 + Math.floor(random() * 5) }, () => ({ y: a.y + random() * 60 - 30, x: a.x + random() * 60 - 30 }));
          act("fill_polygon", [corners.map(pair), next], (stroke) => fillPolygon(stroke, corners, next, { kind: edits.length % 2 === 0 ? "background" : "anything" }));
        },
        () => {
          const at = anywhere();
          act("wand", [pair(at), 4_000, next], (stroke) => void growSimilar(stroke, plane, at, 4_000, next, { kind: "background" }, true));
        },
      ];
      acts[i % acts.length]!();
    }
    const told = JSON.stringify({ shape: [HEIGHT, WIDTH], labels: start, texels: base64(texels), edits });
    const wrong = JSON.parse(execFileSync(python, ["-c", REFERENCE], { input: told, encoding: "utf8", cwd: root, maxBuffer: 1 << 26 })) as unknown[];
    expect(wrong).toEqual([]);
    // Each did something, so that agreement says something.
    for (const name of ["split_between", "split_along", "merge", "relabel", "grow", "shrink", "smooth", "fill_polygon", "wand", "fill_holes"])
      expect(counts[name] ?? 0, name).toBeGreaterThan(name === "fill_holes" ? 0 : 2);
    let steps = 0;
    while (editor.undo()) steps++;
    expect(base64(map.data)).toBe(start);
    expect(steps).toBe(Object.values(counts).reduce((sum, count) => sum + count));
  }, 60_000);
});
