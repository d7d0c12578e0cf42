/** The protocol's server side in memory, as docs/protocol.md states it, with the accidents that tests need. */

import { createHash } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import type { Edit, Given, Ontology, TaskName } from "../../src/api/types";

type Value = string | number | boolean | readonly string[];

/** What an assignment is about, where it is not drawing cells. */
export interface Work {
  readonly task: TaskName;
  readonly ontology?: Ontology;
  readonly given?: readonly Given[];
  /** What the draft says. */
  readonly values?: Readonly<Record<string, Value>>;
  readonly certainty?: Readonly<Record<string, number>>;
  readonly question?: "trial" | "preference";
}

export const HEIGHT = 150;
export const WIDTH = 200;
const TILE = 128;

interface Line {
  edits: Edit[];
  versions: Record<string, number>;
  submitted: boolean;
  body: { edit_count: number; labels_sha256: string; active_seconds: number } | null;
}

export class MemoryHub {
  readonly lines = new Map<string, Line>();
  /** No answer at all. */
  down = false;
  /** The request is carried out, the answer is lost. */
  loseAnswers = 0;
  signedIn = true;
  expired = false;
  posts = 0;
  /** Assignments handed out in turn. */
  queue = ["a1", "a2"];
  readonly draft: Uint32Array | null;
  readonly work: Work | null;

  constructor(options: { draft?: Uint32Array; work?: Work } = {}) {
    this.draft = options.draft ?? null;
    this.work = options.work ?? null;
  }

  /** What an assignment's edits say in all, over what its draft says. */
  said(edits: readonly Edit[]): Record<string, Value> {
    const values: Record<string, Value> = { ...this.work?.values };
    for (const edit of edits)
      for (const [key, [, value]] of Object.entries((edit.changes ?? {}) as Record<string, [Value | null, Value | null]>)) {
        if (value === null) delete values[key];
        else values[key] = value;
      }
    return values;
  }

  line(id: string): Line {
    let line = this.lines.get(id);
    if (!line) this.lines.set(id, (line = { edits: [], versions: {}, submitted: false, body: null }));
    return line;
  }

  /** The fold of an assignment's edits over its base, by another implementation than the one under test. */
  fold(id: string): Uint32Array {
    const map = this.draft ? this.draft.slice() : new Uint32Array(HEIGHT * WIDTH);
    for (const edit of this.line(id).edits)
      for (const tile of edit.tiles) {
        const raw = inflateRawSync(Buffer.from(tile.xor, "base64"));
        for (let row = 0; row < TILE; row++)
          for (let column = 0; column < TILE; column++) {
            const y = tile.y * TILE + row;
            const x = tile.x * TILE + column;
            const xor = raw.readUInt32LE((row * TILE + column) * 4);
            if (y < HEIGHT && x < WIDTH) map[y * WIDTH + x] = (map[y * WIDTH + x]! ^ xor) >>> 0;
            else if (xor !== 0) throw new Error("an edit paints outside the image");
          }
      }
    return map;
  }

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = new URL(String(input), "http://hub.test");
    if (this.down) throw new TypeError("fetch failed");
    const body: unknown = typeof init?.body === "string" ? JSON.parse(init.body) : undefined;
    const response = this.answer(init?.method ?? "GET", url.pathname, body);
    if (this.loseAnswers > 0 && init?.method === "POST") {
      this.loseAnswers--;
      throw new TypeError("connection reset");
    }
    return response;
  };

  private answer(method: string, path: string, body: unknown): Response {
    if (path === "/api/v1/auth/me/") return Response.json({ user: null, csrf_token: "token" });
    if (!this.signedIn) return problem(401, "not-signed-in");
    const zarr = /^\/(image|draft)\.zarr\/(.*)$/.exec(path);
    if (zarr) return this.zarr(zarr[1] as "image" | "draft", zarr[2]!);
    if (/^\/api\/v1\/campaigns\/l\/nuclei\/$/.test(path)) return Response.json({ name: "l/nuclei", title: "Nuclei", lease_seconds: 900 });
    if (path.endsWith("/assignments/next/")) {
      const id = this.queue.find((candidate) => !this.line(candidate).submitted);
      return id ? Response.json(this.assignment(id)) : new Response(null, { status: 204 });
    }
    const alone = /^\/api\/v1\/assignments\/([^/]+)\/$/.exec(path);
    if (alone) return Response.json(this.assignment(alone[1]!));
    const [, id, action] = /^\/api\/v1\/assignments\/([^/]+)\/(\w+)\/$/.exec(path) ?? [];
    if (!id) return problem(404, "not-found");
    if (action === "edits" && method === "GET") return Response.json({ edits: this.line(id).edits, tile_versions: this.line(id).versions });
    if (action === "edits") return this.accept(id, (body as { edits: Edit[] }).edits);
    if (action === "heartbeat")
      return this.expired ? problem(409, "lease-expired") : Response.json({ lease_expires_at: new Date(Date.now() + 900_000).toISOString() });
    if (action === "submit") return this.submit(id, body as NonNullable<Line["body"]>);
    return problem(404, "not-found");
  }

  private accept(id: string, edits: Edit[]): Response {
    this.posts++;
    if (this.expired) return problem(409, "lease-expired");
    const line = this.line(id);
    const copy: Line = { ...line, edits: [...line.edits], versions: { ...line.versions } };
    const accepted: string[] = [];
    const duplicates: string[] = [];
    for (const edit of edits) {
      if (copy.edits.some((known) => known.uuid === edit.uuid)) {
        duplicates.push(edit.uuid);
        continue;
      }
      const conflicts = edit.tiles
        .filter((tile) => tile.version !== (copy.versions[`${tile.y},${tile.x}`] ?? 0))
        .map((tile) => ({ y: tile.y, x: tile.x, version: copy.versions[`${tile.y},${tile.x}`] ?? 0 }));
      if (conflicts.length > 0 || edit.seq !== copy.edits.length + 1) return problem(409, "conflict", { conflicts, edit_count: line.edits.length });
      const held = this.said(copy.edits);
      const disputed = Object.entries((edit.changes ?? {}) as Record<string, [Value | null, Value | null]>).filter(
        ([key, [old]]) => JSON.stringify(held[key] ?? null) !== JSON.stringify(old) || (key in held && /^(trial|preference)$/.test(key)),
      );
      if (disputed.length > 0)
        return problem(409, "conflict", { conflicts: disputed.map(([key]) => ({ key, value: held[key] ?? null })), edit_count: line.edits.length });
      copy.edits.push(edit);
      for (const tile of edit.tiles) copy.versions[`${tile.y},${tile.x}`] = tile.version + 1;
      accepted.push(edit.uuid);
    }
    Object.assign(line, copy);
    return Response.json({ accepted, duplicates, edit_count: line.edits.length, tile_versions: line.versions });
  }

  private submit(id: string, body: NonNullable<Line["body"]>): Response {
    const line = this.line(id);
    const map = this.fold(id);
    const sha = this.digest(map, this.said(line.edits));
    if (body.edit_count !== line.edits.length || body.labels_sha256 !== sha) return problem(409, "conflict", { edit_count: line.edits.length });
    line.submitted = true;
    line.body = body;
    return Response.json({ annotation: "x", cells: new Set(map).size - 1, accepted_unchanged: line.edits.length === 0 });
  }

  private digest(map: Uint32Array, values: Record<string, Value>): string {
    const hex = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex");
    const pixels = hex(Buffer.from(map.buffer));
    const task = this.work?.task ?? "instance_segmentation";
    if (task.endsWith("_segmentation")) return pixels;
    const said = hex(JSON.stringify(Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)).map((entry) => entry)), null, 0));
    return task === "augmented" ? hex(pixels + said) : said;
  }

  private assignment(id: string) {
    return {
      id,
      campaign: "nuclei",
      guidelines: "",
      state: "leased",
      rank: 0,
      lease_expires_at: new Date(Date.now() + 900_000).toISOString(),
      edit_count: this.line(id).edits.length,
      tile_versions: this.line(id).versions,
      image: { id: "i", name: "image", height: HEIGHT, width: WIDTH, channels: ["dapi"], zarr_url: "/image.zarr/" },
      ...this.about(id),
    };
  }

  private about(id: string) {
    const { work } = this;
    if (!work) {
      const draft = this.draft ? { annotation: "d", zarr_url: "/draft.zarr/", cells: { "1": 0.4 }, values: {} } : null;
      return { task: "instance_segmentation", ontology: null, changed: {}, question: null, given: [], draft };
    }
    const answered = "trial" in this.said(this.line(id).edits);
    return {
      task: work.task,
      ontology: work.ontology ?? null,
      changed: {},
      question: work.question ?? null,
      given: (work.given ?? []).map((given, i) => (answered ? { ...given, role: i === 0 ? "real" : "predicted" } : given)),
      draft: work.values || this.draft
        ? { annotation: "d", zarr_url: this.draft ? "/draft.zarr/" : null, values: work.values ?? {}, cells: work.certainty ?? {} }
        : null,
    };
  }

  private zarr(which: "image" | "draft", path: string): Response {
    const axes = which === "image" ? ["c", "y", "x"] : ["y", "x"];
    const shape = which === "image" ? [1, HEIGHT, WIDTH] : [HEIGHT, WIDTH];
    if (path === "zarr.json") {
      const multiscales = [{ axes: axes.map((name) => ({ name })), datasets: [{ path: "0" }] }];
      return Response.json({ zarr_format: 3, node_type: "group", attributes: { ome: { version: "0.5", multiscales } } });
    }
    if (path === "0/zarr.json")
      return Response.json({
        zarr_format: 3, node_type: "array", shape, data_type: which === "image" ? "uint16" : "uint32",
        chunk_grid: { name: "regular", configuration: { chunk_shape: shape } },
        chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
        fill_value: 0, codecs: [{ name: "bytes", configuration: { endian: "little" } }], attributes: {},
      });
    if (which === "image") return new Response(new Uint8Array(Uint16Array.from({ length: HEIGHT * WIDTH }, (_, i) => i % 4096).buffer));
    return new Response(new Uint8Array(this.draft!.slice().buffer));
  }
}

function problem(status: number, code: string, more: object = {}): Response {
  return new Response(JSON.stringify({ type: `urn:cellcommons:${code}`, title: code, status, detail: code, where: "", remedy: "", ...more }), {
    status,
    headers: { "Content-Type": "application/problem+json" },
  });
}
