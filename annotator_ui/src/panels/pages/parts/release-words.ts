/** A release in words and commands: how to get it, who signed it, how it was split, what its version says. */

import type { Release, ReleaseFile, ReleaseSummary } from "../../../api/types";
import { count, counted, bytes } from "./figures";

/** Where the licence's text is; null of one that SPDX does not list. */
export function licenceUrl(spdx: string): string | null {
  return /^[A-Za-z0-9][A-Za-z0-9.+-]*$/.test(spdx) && !spdx.startsWith("LicenseRef-") ? `https://spdx.org/licenses/${spdx}.html` : null;
}

/** A public key as people compare it: groups of four digits of its first half. */
export function fingerprint(key: string): string {
  return (key.slice(0, 32).match(/.{4}/g) ?? []).join(" ");
}

const IMAGE = "image = release.image(item)    # axes cyx";
/** How what people said is read, by task. */
const READ: Readonly<Record<string, readonly string[]>> = {
  instance_segmentation: [IMAGE, "labels = release.labels(item)  # uint32, axes yx"],
  semantic_segmentation: [IMAGE, "labels = release.labels(item)  # uint32, axes yx; 0 unknown, k + 1 = class k"],
  classification: [IMAGE, "values = release.reading(item).values  # subject -> class names"],
  tracking: ["image = release.image(item)  # axes tcyx", "movie = release.movie(item)  # masks and lineage"],
  augmented: ["image = release.image(item)    # axes cyx or czyx", "target = release.target(item)  # the real counterpart"],
};

/** Five lines of Python that read it where it lies. */
export function loadingLines(release: Pick<Release, "reference" | "task">, hub: string): string {
  const read = READ[release.task] ?? READ["classification"]!;
  return [
    "import cellcommons  # pip install cellcommons",
    `release = cellcommons.open("${release.reference}", hub="${hub}")`,
    'for item in release.items("train"):',
    ...read.map((line) => `    ${line}`),
  ].join("\n");
}

/** `key`: the public key that must have signed it. */
export function downloadCommand(release: Pick<Release, "reference" | "dataset" | "version">, hub: string, key = ""): string {
  const folder = `${release.dataset.split("/").at(-1)}-${release.version}`;
  return `cellcommons download ${release.reference} ${folder} --hub ${hub}${key ? ` --key ${key}` : ""}`;
}

export interface Table {
  readonly name: string;
  readonly rows: number | null;
  readonly bytes: number;
  readonly urls: readonly string[];
}

/** The parquet tables among the files; one that lies in parts is one table. */
export function tablesOf(files: readonly ReleaseFile[]): Table[] {
  const tables = new Map<string, { rows: number | null; bytes: number; urls: string[] }>();
  for (const file of files) {
    const name = /^indexes\/([a-z_]+)(?:[-/.].*)?parquet$/.exec(file.path)?.[1];
    if (!name) continue;
    const table = tables.get(name) ?? { rows: 0, bytes: 0, urls: [] };
    table.rows = table.rows === null || file.rows === null ? null : table.rows + file.rows;
    table.bytes += file.bytes;
    table.urls.push(file.url);
    tables.set(name, table);
  }
  return [...tables].map(([name, table]) => ({ name, ...table }));
}

const quoted = (urls: readonly string[], hub: string): string => {
  const whole = urls.map((url) => `"${hub}${url}"`);
  return whole.length === 1 ? whole[0]! : `[${whole.join(", ")}]`;
};

export function pandasLine(table: Table, hub: string): string {
  if (table.urls.length === 1) return `${table.name} = pandas.read_parquet(${quoted(table.urls, hub)})`;
  return `${table.name} = pandas.concat(map(pandas.read_parquet, ${quoted(table.urls, hub)}))`;
}

export function duckdbLine(table: Table, hub: string): string {
  return `SELECT * FROM read_parquet(${quoted(table.urls, hub).replaceAll('"', "'")}) LIMIT 10;`;
}

/** What the machine-readable files are for. */
export const CARDS: Readonly<Record<string, string>> = {
  "README.md": "the card below",
  "splits.json": "how it was split",
  "summary.json": "counts of everything",
  "croissant.json": "Croissant 1.1, for mlcroissant",
  "datacite.json": "DataCite 4.5, to register a DOI",
  "ro-crate-metadata.json": "RO-Crate 1.2",
  "CITATION.cff": "how to cite it",
};

const numberIn = (certificate: Readonly<Record<string, unknown>>, name: string): number | null => {
  const value = certificate[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
};

const PAIRS: Readonly<Record<string, string>> = { overlap: "overlapping", adjoining: "side by side" };

/** How the split keeps test apart from train, with its numbers; "" where the certificate says nothing of it. */
export function splitSentences(certificate: Readonly<Record<string, unknown>>): string[] {
  const sources = numberIn(certificate, "sources");
  const components = numberIn(certificate, "components");
  if (sources === null || components === null) return [];
  const largest = numberIn(certificate, "largest_component");
  const kinds = Object.entries((certificate["pairs"] ?? {}) as Record<string, number>).filter(([, pairs]) => pairs > 0);
  const pairs = kinds.reduce((sum, [, some]) => sum + some, 0);
  const each = kinds.map(([kind, some]) => `${count(some)} ${PAIRS[kind] ?? kind}`).join(", ");
  const found = pairs === 0 ? "no pair of images that shows one field" : `${counted(pairs, "pair")} of images that show one field (${each})`;
  const free = certificate["free"];
  const locked = Array.isArray(free) ? sources - free.length : 0;
  const moved = certificate["moved_to_test"];
  const told = [
    `${counted(sources, "source")} (donor, line, slide or experiment) and ${found} form ${counted(components, "component")}${largest ? `, the largest placed here of ${counted(largest, "image")}` : ""}. Each component lies in one split.`,
  ];
  if (locked > 0) told.push(`${counted(locked, "source")} kept the split of an earlier release; what was test stays test.`);
  const movedTo = moved !== null && typeof moved === "object" ? Object.keys(moved).length : 0;
  if (movedTo > 0) told.push(`${counted(movedTo, "source")} moved to test, with an image that shows the field of a test image.`);
  return told;
}

/** "major", "minor" or "patch": which number of the version rose since `before`; null of a first release. */
export function levelOf(version: string, before: string | null): "major" | "minor" | "patch" | null {
  if (!before) return null;
  const now = version.split(".");
  const then = before.split("@").at(-1)!.split(".");
  if (now[0] !== then[0]) return "major";
  return now[1] !== then[1] ? "minor" : "patch";
}

/** What each level promises to who has the release before. */
export const LEVELS = {
  major: "records changed, were resplit or are gone",
  minor: "records came, none changed",
  patch: "only words changed: title, notes, licence",
} as const;

const signed = (change: number, [one, many]: readonly [string, string]): string =>
  `${change < 0 ? "−" : "+"}${count(Math.abs(change))} ${Math.abs(change) === 1 ? one : many}`;

/** "+3 images, −12 cells, 1.2 MB to fetch": a release beside the one before it; "" where neither number moved. */
export function countsSince(release: ReleaseSummary, before: ReleaseSummary | undefined, thing: readonly [string, string]): string {
  const told: string[] = [];
  if (before && !before.withdrawn) {
    const images = release.counts.images - before.counts.images;
    const cells = release.counts.cells - before.counts.cells;
    if (images !== 0) told.push(signed(images, ["image", "images"]));
    if (cells !== 0) told.push(signed(cells, thing));
  }
  if (release.delta_bytes !== null && release.parent) told.push(`${bytes(release.delta_bytes)} that ${release.parent} lacks`);
  return told.join(", ");
}
