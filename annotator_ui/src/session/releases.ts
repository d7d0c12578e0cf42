/** Releases: published ones are readable by anyone. */

import { api } from "../api/client";
import { Problem } from "../api/problem";
import type { NewRelease, Release, ReleaseDiff, ReleaseFile, ReleaseImage, ReleaseImageDetail, ReleaseSummary, Signature, SigningKey } from "../api/types";

export async function listReleases(dataset?: string): Promise<ReleaseSummary[]> {
  const query = { page_size: 200, ...(dataset ? { dataset } : {}) };
  return (await api.get("/api/v1/releases/", { query })).results;
}

/** `version` is 2, 2.1 or 2.1.0, "draft", or the id that a release has from its draft on. */
export function getRelease(slug: string, version: string): Promise<Release> {
  return api.get("/api/v1/releases/{slug}/{version}/", { path: { slug, version } });
}

/** Images of a release with their splits; `page` counts from 1. */
export async function releaseImages(slug: string, version: string, page = 1): Promise<{ items: ReleaseImage[]; count: number }> {
  const found = await api.get("/api/v1/releases/{slug}/{version}/images/", { path: { slug, version }, query: { page, page_size: 200 } });
  return { items: found.results, count: found.count };
}

/** One image: where to open it, who read it under pseudonyms, what each cell rests on. */
export function getReleaseImage(slug: string, version: string, image: string): Promise<ReleaseImageDetail> {
  return api.get("/api/v1/releases/{slug}/{version}/images/{image}/", { path: { slug, version, image } });
}

/** Tables, cards and certificate: what a download holds beside the images. */
export function listFiles(slug: string, version: string): Promise<ReleaseFile[]> {
  return api.get("/api/v1/releases/{slug}/{version}/files/", { path: { slug, version } });
}

/** How it was split, as `splits.json` has it. */
export async function getCertificate(slug: string, version: string): Promise<Readonly<Record<string, unknown>>> {
  const found: unknown = await api.get("/api/v1/releases/{slug}/{version}/files/{path}", { path: { slug, version, path: "splits.json" } });
  return found as Record<string, unknown>;
}

/** Who signed it, and the hub's keys, newest first; null where it is not signed. */
export async function getSignature(slug: string, version: string): Promise<{ signature: Signature; keys: SigningKey[] } | null> {
  const keys = api.get("/api/v1/keys/");
  try {
    return { signature: await api.get("/api/v1/releases/{slug}/{version}/signature", { path: { slug, version } }), keys: await keys };
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

export function publishRelease(dataset: string, body: NewRelease): Promise<Release> {
  return api.post("/api/v1/datasets/{slug}/releases/", { path: { slug: dataset }, body });
}

/** Take a published release back, for good. */
export function withdrawRelease(reference: string, reason: string): Promise<ReleaseSummary> {
  const [slug, version] = reference.split("@") as [string, string];
  return api.post("/api/v1/releases/{slug}/{version}/withdrawal/", { path: { slug, version }, body: { reason } });
}

/** What changed since another release, or that a worker is finding out. */
export function getDiff(slug: string, version: string, against: string): Promise<ReleaseDiff> {
  return api.get("/api/v1/releases/{slug}/{version}/diff/", { path: { slug, version }, query: { against } });
}

/** Publish a draft that was held to be looked at. */
export function publishDraft(slug: string, version: string): Promise<Release> {
  return api.post("/api/v1/releases/{slug}/{version}/draft/", { path: { slug, version } });
}

/** Let such a draft go. */
export function discardDraft(slug: string, version: string): Promise<null> {
  return api.delete("/api/v1/releases/{slug}/{version}/draft/", { path: { slug, version } });
}

/** The page of what a reference names; of a release that is not published yet, the one that stays when it is. */
export const pageOf = (release: { slug: string; place: string }): string => `/releases/${release.slug}/${release.place}`;

/** The page of one image of a release. */
export const pageOfImage = (release: { slug: string; place: string }, image: string): string => `${pageOf(release)}/images/${image}`;

export function pageOfRelease(reference: string): string {
  return `/releases/${reference.replace("@", "/")}`;
}

export const manifestUrl = (slug: string, version: string): string => `/api/v1/releases/${slug}/${version}/manifest`;
