/** Releases: published ones are readable by anyone. */

import { api } from "../api/client";
import type { NewRelease, Release, ReleaseDiff, ReleaseImage, ReleaseSummary } from "../api/types";

export async function listReleases(dataset?: string): Promise<ReleaseSummary[]> {
  const query = { page_size: 200, ...(dataset ? { dataset } : {}) };
  return (await api.get("/api/v1/releases/", { query })).results;
}

export function getRelease(slug: string, edition: number): Promise<Release> {
  return api.get("/api/v1/releases/{slug}/{edition}/", { path: { slug, edition: String(edition) } });
}

/** Images of a release with their splits; `page` counts from 1. */
export async function releaseImages(slug: string, edition: number, page = 1): Promise<{ items: ReleaseImage[]; count: number }> {
  const found = await api.get("/api/v1/releases/{slug}/{edition}/images/", { path: { slug, edition: String(edition) }, query: { page, page_size: 200 } });
  return { items: found.results, count: found.count };
}

export function publishRelease(dataset: string, body: NewRelease): Promise<Release> {
  return api.post("/api/v1/datasets/{slug}/releases/", { path: { slug: dataset }, body });
}

/** Take a published release back, for good. */
export function withdrawRelease(reference: string, reason: string): Promise<ReleaseSummary> {
  const [slug, edition] = reference.split("@") as [string, string];
  return api.post("/api/v1/releases/{slug}/{edition}/withdrawal/", { path: { slug, edition }, body: { reason } });
}

/** What changed since another edition, or that a worker is finding out. */
export function getDiff(slug: string, edition: number, against: string): Promise<ReleaseDiff> {
  return api.get("/api/v1/releases/{slug}/{edition}/diff/", { path: { slug, edition: String(edition) }, query: { against } });
}

/** Publish a draft that was held to be looked at. */
export function publishDraft(slug: string, edition: number): Promise<Release> {
  return api.post("/api/v1/releases/{slug}/{edition}/draft/", { path: { slug, edition: String(edition) } });
}

/** Let such a draft go. */
export function discardDraft(slug: string, edition: number): Promise<null> {
  return api.delete("/api/v1/releases/{slug}/{edition}/draft/", { path: { slug, edition: String(edition) } });
}

export function pageOfRelease(reference: string): string {
  return `/releases/${reference.replace("@", "/")}`;
}

export const manifestUrl = (slug: string, edition: number): string => `/api/v1/releases/${slug}/${edition}/manifest`;
