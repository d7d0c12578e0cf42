/** What readings could not settle, ready to look at: the place in the image, and what each option says is there. */

import { api } from "../api/client";
import { Problem } from "../api/problem";
import type { Disagreement, DisagreementSummary, Given, HubImage, Ontology, Said, TaskName } from "../api/types";
import { Pyramid, type PlaneAt } from "../api/zarr";
import { fromBase64, inflate } from "../labels/encoding";
import { compose, cut, nearby, surround, type Box } from "./crop";
import { framesOf } from "./nodes";
import { Picture, type PictureLevel, type PictureSource } from "./picture";

export interface Option {
  readonly index: number;
  /** Raster of the box, row-major, box height x box width; null where the task does not paint. */
  readonly labels: Uint32Array | null;
  /** What it says of the disputed keys; null where the task asks nothing. */
  readonly values: Said | null;
  readonly cells: number;
  /** How many readings saw it. */
  readonly readings: number;
}

/** A picture to look at, cut to the crop. */
export interface Sight {
  readonly kind: "image" | "target" | "candidate";
  readonly title: string;
  readonly role: Given["role"];
  /** Of a movie. */
  readonly frame: number | null;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** Ids that are given beside the image, cut to the crop, row-major. */
export interface Ids {
  readonly kind: "cells" | "detections";
  readonly frame: number | null;
  readonly ids: Uint32Array;
}

/** A disagreement with everything a page draws. */
export interface Dispute {
  readonly id: string;
  readonly campaign: string;
  readonly task: TaskName;
  readonly ontology: Ontology | null;
  readonly image: HubImage;
  readonly kind: string;
  readonly state: Disagreement["state"];
  /** What is disputed of values: subjects, or child nodes `frame:id`. */
  readonly keys: readonly string[];
  readonly box: Box;
  /** The box and what is around it. */
  readonly crop: Box;
  readonly sights: readonly Sight[];
  readonly given: readonly Ids[];
  /** Cells around that nobody disputes, row-major over the crop. */
  readonly neighbours: Uint32Array;
  readonly options: readonly Option[];
}

export interface Queue {
  readonly open: readonly DisagreementSummary[];
  readonly count: number;
}

export async function listOpen(campaign = ""): Promise<Queue> {
  const query = { state: "open" as const, page_size: 100, ...(campaign ? { campaign } : {}) };
  const found = await api.get("/api/v1/disagreements/", { query });
  return { open: found.results, count: found.count };
}

/** @throws Problem where `text` is not the labels of a `height` x `width` box. */
export async function decodeLabels(text: string, height: number, width: number): Promise<Uint32Array<ArrayBuffer>> {
  try {
    const raw = await inflate(fromBase64(text));
    if (raw.byteLength !== height * width * 4) throw new RangeError(`${height} x ${width} cells are ${height * width * 4} bytes, got ${raw.byteLength}`);
    return new Uint32Array(raw.buffer);
  } catch (error) {
    throw new Problem(-1, {
      type: "urn:cellcommons:unreadable-labels",
      title: "An option cannot be read",
      detail: error instanceof Error ? error.message : String(error),
      remedy: "Reload the page; if it stays, tell a curator.",
    });
  }
}

/** The part of `plane` in `crop`, without the cells that touch what is disputed. */
export function undisputed(plane: ArrayLike<number>, width: number, crop: Box, box: Box, choices: readonly { labels: Uint32Array }[]): Uint32Array {
  const boxWidth = box.x1 - box.x0;
  const disputed = new Set<number>([0]);
  for (const { labels } of choices)
    labels.forEach((cell, i) => {
      if (cell !== 0) disputed.add(plane[(box.y0 + Math.floor(i / boxWidth)) * width + box.x0 + (i % boxWidth)]!);
    });
  const columns = crop.x1 - crop.x0;
  return Uint32Array.from({ length: (crop.y1 - crop.y0) * columns }, (_, i) => {
    const cell = plane[(crop.y0 + Math.floor(i / columns)) * width + crop.x0 + (i % columns)]!;
    return disputed.has(cell) ? 0 : cell;
  });
}

/** Neighbouring disagreements often lie in one image: the last few stay. */
const KEPT = 6;
const pictures = new Map<string, Promise<Picture>>();
const prepared = new Map<string, Promise<Dispute>>();

function remember<T>(kept: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = kept.get(key) ?? make();
  kept.delete(key);
  kept.set(key, known);
  known.catch(() => kept.delete(key));
  for (const old of kept.keys()) if (kept.size > KEPT) kept.delete(old);
  return known;
}

function levelOf(source: PictureSource, at: PlaneAt): Promise<PictureLevel> {
  return remember(pictures, source.zarr_url, () => Picture.open(source)).then((picture) => picture.at(at));
}

/** A picture of the hub, cut to `crop`, in its channels' colours; with the contrast of `like` where that is given. */
async function sightOf(source: PictureSource, at: PlaneAt, crop: Box, like: PictureSource = source): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const [level, { channels }] = await Promise.all([levelOf(source, at), levelOf(like, at)]);
  const shown = level.channels.map((channel, i) => ({ values: channel.values, ...(channels[i] ?? channel).display.peek() }));
  return compose(shown, level.width, crop);
}

async function idsOf(url: string, at: PlaneAt, crop: Box): Promise<Uint32Array> {
  const planes = await (await Pyramid.open(url)).read(0, at);
  return cut(planes.channels[0]!, planes.width, crop);
}

/** What is shown: of a movie the frames of parents and children, of a stack the plane in the middle; then what is given. */
async function sightsOf(dispute: Disagreement, frames: readonly number[], crop: Box): Promise<Sight[]> {
  const { image } = dispute;
  const z = Math.floor((image.depth - 1) / 2);
  const movie = image.frames > 1;
  const own = (movie ? frames : [0]).map(
    async (t): Promise<Sight> => ({
      kind: "image",
      title: movie ? `Frame ${t + 1}` : "The image",
      role: null,
      frame: movie ? t : null,
      rgba: await sightOf(image, { t, z }, crop),
    }),
  );
  const beside = dispute.given.flatMap(({ kind, zarr_url, channels, title, role }) =>
    zarr_url && (kind === "target" || kind === "candidate") ? [{ kind, title, role, source: { zarr_url, channels: channels ?? [] } }] : [],
  );
  // Real and predicted are compared: a contrast of each own would hide what differs.
  const like = (beside.find(({ kind, role }) => kind === "target" || role === "real") ?? beside[0])?.source;
  const given = beside.map(async ({ source, ...said }): Promise<Sight> => ({ ...said, frame: null, rgba: await sightOf(source, {}, crop, like) }));
  return Promise.all([...own, ...given]);
}

async function givenIds(dispute: Disagreement, frames: readonly number[], crop: Box): Promise<Ids[]> {
  const asked = dispute.given.flatMap(({ kind, zarr_url }) => {
    if (!zarr_url) return [];
    if (kind === "cells") return [idsOf(zarr_url, {}, crop).then((ids): Ids => ({ kind, frame: null, ids }))];
    if (kind === "detections") return frames.map((t) => idsOf(zarr_url, { t }, crop).then((ids): Ids => ({ kind, frame: t, ids })));
    return [];
  });
  return Promise.all(asked);
}

async function optionsOf(dispute: Disagreement, height: number, width: number): Promise<Option[]> {
  return Promise.all(
    dispute.options.map(async ({ index, readings, cells, labels, values }) => ({
      index,
      labels: labels === null ? null : await decodeLabels(labels, height, width),
      values,
      cells,
      readings: readings.length,
    })),
  );
}

/** Load a disagreement; asked for ahead of time, it is there at once. */
export function prepare(id: string): Promise<Dispute> {
  return remember(prepared, id, async () => {
    // The schema says of values only that they are JSON.
    const dispute = (await api.get("/api/v1/disagreements/{id}/", { path: { id } })) as Disagreement;
    const { image } = dispute;
    const [y0, x0, y1, x1] = dispute.box as [number, number, number, number];
    const box = { y0, x0, y1, x1 };
    // The box of a link holds parents and children already, in both frames.
    const crop = (dispute.task === "tracking" ? nearby : surround)(box, image.height, image.width);
    const frames = framesOf(dispute.keys, dispute.options.map((option) => option.values ?? {}), dispute.frame ?? 0);
    const around = dispute.task === "instance_segmentation" && dispute.consensus_zarr_url;
    const [sights, given, consensus, options] = await Promise.all([
      sightsOf(dispute, frames, crop),
      givenIds(dispute, frames, crop),
      around ? Pyramid.open(around).then((pyramid) => pyramid.read(0)) : null,
      optionsOf(dispute, y1 - y0, x1 - x0),
    ]);
    const plane = consensus?.channels[0] as ArrayLike<number> | undefined;
    const painted = options.flatMap(({ labels }) => (labels ? [{ labels }] : []));
    return {
      id,
      campaign: dispute.campaign,
      task: dispute.task,
      ontology: dispute.ontology,
      image,
      kind: dispute.kind,
      state: dispute.state,
      keys: dispute.keys,
      box,
      crop,
      sights,
      given,
      neighbours: plane ? undisputed(plane, consensus!.width, crop, box, painted) : new Uint32Array((crop.y1 - crop.y0) * (crop.x1 - crop.x0)),
      options,
    };
  });
}

/** One of the options, nothing at all, or values that no reader said. */
export type Settlement = { readonly option: number } | { readonly nothing: true } | { readonly values: Said };

export async function settle(id: string, settlement: Settlement): Promise<void> {
  const body = { nothing: false, ...settlement };
  await api.post("/api/v1/disagreements/{id}/settle/", { path: { id }, body });
  prepared.delete(id);
}
