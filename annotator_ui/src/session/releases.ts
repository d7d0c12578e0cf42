/** Releases: published ones are readable by anyone. */

import { api } from "../api/client";
import { Problem } from "../api/problem";
import type { NewRelease, Release, ReleaseDiff, ReleaseFile, ReleaseImage, ReleaseImageDetail, ReleaseSummary, Signature, SigningKey } from "../api/types";
import { named } from "./names";

export async function listReleases(dataset?: string): Promise<ReleaseSummary[]> {
  const query = { page_size: 200, ...(dataset ? { dataset } : {}) };
  return (await api.get("/api/v1/releases/", { query })).results;
}

/** `version` is 2, 2.1 or 2.1.0, "draft", or the id that a release has from its draft on. */
export function getRelease(dataset: string, version: string): Promise<Release> {
  return api.get("/api/v1/releases/{lab}/{slug}/{version}/", { path: { ...named(dataset), version } });
}

/** Images of a release with their splits; `page` counts from 1. */
export async function releaseImages(dataset: string, version: string, page = 1): Promise<{ items: ReleaseImage[]; count: number }> {
  const found = await api.get("/api/v1/releases/{lab}/{slug}/{version}/images/", { path: { ...named(dataset), version }, query: { page, page_size: 200 } });
  return { items: found.results, count: found.count };
}

/** One image: where to open it, who read it under pseudonyms, what each cell rests on. */
export function getReleaseImage(dataset: string, version: string, image: string): Promise<ReleaseImageDetail> {
  return api.get("/api/v1/releases/{lab}/{slug}/{version}/images/{image}/", { path: { ...named(dataset), version, image } });
}

/** Tables, cards and certificate: what a download holds beside the images. */
export function listFiles(dataset: string, version: string): Promise<ReleaseFile[]> {
  return api.get("/api/v1/releases/{lab}/{slug}/{version}/files/", { path: { ...named(dataset), version } });
}

/** How it was split, as `splits.json` has it. */
export async function getCertificate(dataset: string, version: string): Promise<Readonly<Record<string, unknown>>> {
  const found: unknown = await api.get("/api/v1/releases/{lab}/{slug}/{version}/files/{path}", { path: { ...named(dataset), version, path: "splits.json" } });
  return found as Record<string, unknown>;
}

/** Who signed it, and the hub's keys, newest first; null where it is not signed. */
export async function getSignature(dataset: string, version: string): Promise<{ signature: Signature; keys: SigningKey[] } | null> {
  const keys = api.get("/api/v1/keys/");
  try {
    return { signature: await api.get("/api/v1/releases/{lab}/{slug}/{version}/signature", { path: { ...named(dataset), version } }), keys: await keys };
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

export function publishRelease(dataset: string, body: NewRelease): Promise<Release> {
  return api.post("/api/v1/datasets/{lab}/{slug}/releases/", { path: named(dataset), body });
}

/** Let anybody read a release whose dataset is its lab's alone, for good. */
export function openRelease(reference: string): Promise<ReleaseSummary> {
  const [dataset, version] = reference.split("@") as [string, string];
  return api.post("/api/v1/releases/{lab}/{slug}/{version}/opening/", { path: { ...named(dataset), version } });
}

/** Take a published release back, for good. */
export function withdrawRelease(reference: string, reason: string): Promise<ReleaseSummary> {
  const [dataset, version] = reference.split("@") as [string, string];
  return api.post("/api/v1/releases/{lab}/{slug}/{version}/withdrawal/", { path: { ...named(dataset), version }, body: { reason } });
}

/** What changed since another release, or that a worker is finding out. */
export function getDiff(dataset: string, version: string, against: string): Promise<ReleaseDiff> {
  return api.get("/api/v1/releases/{lab}/{slug}/{version}/diff/", { path: { ...named(dataset), version }, query: { against } });
}

/** Publish a draft that was held to be looked at. */
export function publishDraft(dataset: string, version: string): Promise<Release> {
  return api.post("/api/v1/releases/{lab}/{slug}/{version}/draft/", { path: { ...named(dataset), version } });
}

/** Let such a draft go. */
export function discardDraft(dataset: string, version: string): Promise<null> {
  return api.delete("/api/v1/releases/{lab}/{slug}/{version}/draft/", { path: { ...named(dataset), version } });
}

/** The page of what a reference names; of a release that is not published yet, the one that stays when it is. */
export const pageOf = (release: { dataset: string; place: string }): string => `/releases/${release.dataset}/${release.place}`;

/** The page of one image of a release. */
export const pageOfImage = (release: { dataset: string; place: string }, image: string): string => `${pageOf(release)}/images/${image}`;

export function pageOfRelease(reference: string): string {
  return `/releases/${reference.replace("@", "/")}`;
}

export const manifestUrl = (dataset: string, version: string): string => `/api/v1/releases/${dataset}/${version}/manifest`;
