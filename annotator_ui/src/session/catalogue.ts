/** Datasets, their images, and imports of archives. */

import { api } from "../api/client";
import type { ArchiveImport, Dataset, FileOutcome, HubImage, ImageFormat, ImportedFile, ImportSummary, Layout, NewDataset, UploadSummary, VisibilityChange } from "../api/types";
import { sendFile, type Sending, type Step } from "./file-sending";
import { named } from "./names";

export interface ImageFilter {
  dataset: string;
  search: string;
  stratum: string;
}

/** One page of a listing; `pages` is at least 1. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly count: number;
  readonly page: number;
  readonly pages: number;
}

export const IMAGES_PER_PAGE = 24;

export async function listDatasets(): Promise<Dataset[]> {
  return (await api.get("/api/v1/datasets/", { query: { page_size: 200 } })).results;
}

export function getDataset(name: string): Promise<Dataset> {
  return api.get("/api/v1/datasets/{lab}/{slug}/", { path: named(name) });
}

export function createDataset(body: NewDataset): Promise<Dataset> {
  return api.post("/api/v1/datasets/", { body });
}

/** What it would mean to show a dataset of one's lab to the hub, or to keep it to the lab again. */
export function weighVisibility(name: string): Promise<VisibilityChange> {
  return api.get("/api/v1/datasets/{lab}/{slug}/visibility/", { path: named(name) });
}

/** `change`: what the person was told; the hub refuses where more would be opened by now. */
export function changeVisibility(name: string, change: VisibilityChange): Promise<VisibilityChange> {
  return api.post("/api/v1/datasets/{lab}/{slug}/visibility/", { path: named(name), body: { visibility: change.to, opens: change.opens.length } });
}

export async function listImages(filter: ImageFilter, page = 1, size = IMAGES_PER_PAGE): Promise<Page<HubImage>> {
  const found = await api.get("/api/v1/images/", { query: { ...filter, page, page_size: size } });
  return { items: found.results, count: found.count, page, pages: Math.max(1, Math.ceil(found.count / size)) };
}

export function getImage(id: string): Promise<HubImage> {
  return api.get("/api/v1/images/{id}/", { path: { id } });
}

export function previewOf(image: string): string {
  return `/api/v1/images/${image}/preview.png`;
}

/** The kinds and sources of a dataset, from its first 200 images, most frequent first. */
export async function surveyDataset(name: string): Promise<{ strata: [string, number][]; sources: [string, number][]; whole: boolean }> {
  const { items, count } = await listImages({ dataset: name, search: "", stratum: "" }, 1, 200);
  const tally = (words: string[]): [string, number][] => {
    const counts = new Map<string, number>();
    for (const word of words) if (word) counts.set(word, (counts.get(word) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  };
  return {
    strata: tally(items.map((image) => image.stratum)),
    sources: tally(items.map((image) => image.source)),
    whole: count <= items.length,
  };
}

/** What stands for a layout that the hub tells from the archive. */
export const AUTO = "auto";

/** Published layouts that an archive may have. */
export function listLayouts(): Promise<Layout[]> {
  return api.get("/api/v1/layouts/");
}

/** The formats that an image file may have. */
export function listFormats(): Promise<ImageFormat[]> {
  return api.get("/api/v1/formats/");
}

export function sendImage(dataset: string, file: File, source: string, stratum: string, tell: (step: Step) => void): Sending {
  return sendFile(file, { dataset, purpose: "image", source, stratum }, tell);
}

export function sendArchive(dataset: string, layout: string, file: File, limit: number | null, tell: (step: Step) => void): Sending {
  return sendFile(file, { dataset, purpose: "import", layout, limit }, tell);
}

/** Your uploads to a dataset that were begun and not finished, newest first. */
export async function listUnfinished(dataset: string): Promise<UploadSummary[]> {
  const found = await api.get("/api/v1/uploads/", { query: { dataset, page_size: 200 } });
  return found.results.filter((upload) => upload.state === "sending");
}

/** Throw away what was sent of an upload. */
export async function abandonUpload(id: string): Promise<void> {
  await api.delete("/api/v1/uploads/{id}/", { path: { id } });
}

export function getImport(id: string): Promise<ArchiveImport> {
  return api.get("/api/v1/imports/{id}/", { path: { id } });
}

/** The latest imports of a dataset, newest first. */
export async function listImports(dataset: string): Promise<ImportSummary[]> {
  return (await api.get("/api/v1/imports/", { query: { dataset, page_size: 5 } })).results;
}

/** Import the archive that the hub has already as this layout. */
export function chooseLayout(id: string, layout: string): Promise<ArchiveImport> {
  return api.post("/api/v1/imports/{id}/layout/", { path: { id }, body: { layout } });
}

export interface FileFilter {
  outcome: FileOutcome | "";
  kind: string;
  search: string;
}

export const FILES_PER_PAGE = 50;

/** What became of the files of an import, in the order they came. */
export async function listImportFiles(id: string, filter: FileFilter, page = 1): Promise<Page<ImportedFile>> {
  const { outcome, ...rest } = filter;
  const found = await api.get("/api/v1/imports/{id}/files/", {
    path: { id },
    query: { ...rest, ...(outcome ? { outcome } : {}), page, page_size: FILES_PER_PAGE },
  });
  return { items: found.results, count: found.count, page, pages: Math.max(1, Math.ceil(found.count / FILES_PER_PAGE)) };
}

/** The same as a CSV file. */
export function reportOf(id: string): string {
  return `/api/v1/imports/${id}/files.csv`;
}
