/** A movie or a stack is read plane by plane: real shards written by Python, served with ranges. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Pyramid } from "../../src/api/zarr";
import { Picture } from "../../src/session/picture";

const python = fileURLToPath(new URL("../../../.venv/bin/python", import.meta.url));
const WRITE = `
import json, sys, pathlib
import numpy as np
from cellcommons.images.shards import array_metadata, encode_shard, shard_key
out = pathlib.Path(sys.argv[1])
y, x = np.mgrid[:300, :520]
frames = np.stack([np.stack([(y * 520 + x + 1000 * t + 7 * c) % 60000 for c in range(2)]) for t in range(5)]).astype(np.uint16)
frames[3, 1] = 0
group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5",
    "multiscales": [{"axes": [{"name": n} for n in "tcyx"], "datasets": [{"path": "0"}]}]}}}
(out / "0" / "c/0/0/0").mkdir(parents=True)
(out / "zarr.json").write_text(json.dumps(group))
(out / "0/zarr.json").write_text(json.dumps(array_metadata(frames.shape, frames.dtype, "tcyx")))
(out / "0" / shard_key(4)).write_bytes(encode_shard(frames))
`;

describe.skipIf(!existsSync(python))("planes", () => {
  const folder = mkdtempSync(join(tmpdir(), "planes-"));
  const asked: { path: string; bytes: number }[] = [];
  let ranges = true;

  beforeAll(() => {
    execFileSync(python, ["-c", WRITE, folder]);
    vi.stubGlobal("location", { origin: "http://hub.test" });
    vi.stubGlobal("fetch", async (input: string, init?: RequestInit) => {
      const path = new URL(input).pathname.slice(1);
      const whole = readFileSync(join(folder, path));
      const range = /bytes=(\d*)-(\d*)/.exec(new Headers(init?.headers).get("Range") ?? "");
      const part =
        !range || !ranges ? whole : range[1] === "" ? whole.subarray(whole.length - Number(range[2])) : whole.subarray(Number(range[1]), Number(range[2]) + 1);
      asked.push({ path, bytes: part.length });
      return new Response(new Uint8Array(part), { status: range && ranges ? 206 : 200 });
    });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
    vi.unstubAllGlobals();
  });

  const pixel = (t: number, c: number, y: number, x: number) => (t === 3 && c === 1 ? 0 : (y * 520 + x + 1000 * t + 7 * c) % 60000);

  it.each([true, false])("reads one frame, whether the server knows ranges (%s) or not", async (knows) => {
    ranges = knows;
    const pyramid = await Pyramid.open("http://hub.test/");
    expect([pyramid.frames, pyramid.depth]).toEqual([5, 1]);
    const size = readFileSync(join(folder, "0/c/0/0/0/0")).length;
    asked.length = 0;
    for (const t of [0, 4, 3]) {
      const { channels, height, width } = await pyramid.read(0, { t });
      expect([height, width, channels.length]).toEqual([300, 520, 2]);
      for (const c of [0, 1])
        for (const [y, x] of [[0, 0], [10, 511], [299, 519], [256, 256]] as const) expect(channels[c]![y * 520 + x]).toBe(pixel(t, c, y, x));
    }
    if (!knows) return;
    // The index once, then one request a frame: its chunks lie together.
    expect(asked).toHaveLength(4);
    for (const { bytes } of asked) expect(bytes).toBeLessThan(size / 3);
  });

  it("keeps a few frames at hand, and shows the one wanted last", async () => {
    ranges = true;
    const picture = await Picture.open({ zarr_url: "http://hub.test/", channels: ["dna", "actin"] });
    await picture.load(300, 520);
    expect(picture.level.value!.channels[1]!.values[5]).toBe(pixel(0, 1, 0, 5));
    asked.length = 0;
    await Promise.all([picture.show({ t: 1 }), picture.show({ t: 2 })]);
    expect(picture.level.value!.channels[0]!.values[0]).toBe(pixel(2, 0, 0, 0));
    const requests = asked.length;
    await picture.show({ t: 1 });
    expect(picture.level.value!.channels[0]!.values[0]).toBe(pixel(1, 0, 0, 0));
    expect(asked).toHaveLength(requests);
    const { display } = picture.level.value!.channels[0]!;
    await picture.show({ t: 2 });
    expect(picture.level.value!.channels[0]!.display).toBe(display);
  });
});
