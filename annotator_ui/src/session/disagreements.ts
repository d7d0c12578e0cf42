/** What readings could not settle, ready to look at: the place in the image, and what each option says is there. */

import { api } from "../api/client";
import { Problem } from "../api/problem";
import type { Disagreement, DisagreementSummary, HubImage } from "../api/types";
import { Pyramid } from "../api/zarr";
import { fromBase64, inflate } from "../labels/encoding";
import { compose, surround, type Box } from "./crop";
import { Picture } from "./picture";

export interface Choice {
  readonly index: number;
  /** Cells of the box, row-major, box height x box width. */
  readonly labels: Uint32Array;
  readonly cells: number;
  /** How many readings saw it. */
  readonly readings: number;
}

/** A disagreement with everything a page draws. */
export interface Dispute {
  readonly id: string;
  readonly campaign: string;
  readonly image: HubImage;
  readonly kind: Disagreement["kind"];
  readonly state: Disagreement["state"];
  readonly box: Box;
  /** The box and what is around it. */
  readonly crop: Box;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  /** Cells around that nobody disputes, row-major over the crop. */
  readonly neighbours: Uint32Array;
  readonly choices: readonly Choice[];
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
const KEPT = 3;
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

async function openPicture(image: HubImage): Promise<Picture> {
  const picture = await Picture.open(image);
  await picture.load(image.height, image.width);
  return picture;
}

/** Load a disagreement; asked for ahead of time, it is there at once. */
export function prepare(id: string): Promise<Dispute> {
  return remember(prepared, id, async () => {
    const dispute = await api.get("/api/v1/disagreements/{id}/", { path: { id } });
    const [y0, x0, y1, x1] = dispute.box as [number, number, number, number];
    const box = { y0, x0, y1, x1 };
    const [picture, consensus, choices] = await Promise.all([
      remember(pictures, dispute.image.id, () => openPicture(dispute.image)),
      Pyramid.open(dispute.consensus_zarr_url).then((pyramid) => pyramid.read(0)),
      Promise.all(
        dispute.options.map(async (option): Promise<Choice> => ({
          index: option.index,
          labels: await decodeLabels(option.labels, y1 - y0, x1 - x0),
          cells: option.cells,
          readings: option.readings.length,
        })),
      ),
    ]);
    const level = picture.level.value!;
    const crop = surround(box, level.height, level.width);
    const layers = level.channels.map((channel) => ({ values: channel.values, ...channel.display.value }));
    return {
      id,
      campaign: dispute.campaign,
      image: dispute.image,
      kind: dispute.kind,
      state: dispute.state,
      box,
      crop,
      rgba: compose(layers, level.width, crop),
      neighbours: undisputed(consensus.channels[0]! as ArrayLike<number>, consensus.width, crop, box, choices),
      choices,
    };
  });
}

/** `option` null: there is no cell here. */
export async function settle(id: string, option: number | null): Promise<void> {
  const body = option === null ? { nothing: true } : { option, nothing: false };
  await api.post("/api/v1/disagreements/{id}/settle/", { path: { id }, body });
  prepared.delete(id);
}
