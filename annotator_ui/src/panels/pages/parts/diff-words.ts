/** What changed between two releases, as figures and sentences. No browser needed. */

import type { DiffCell, DiffCells, DiffSummary } from "../../../api/types";
import { wordsOf } from "../../task-words";
import { count, counted } from "./figures";

export interface DiffFigure {
  readonly value: string;
  readonly label: string;
  readonly note?: string;
}

const VERBS: Readonly<Record<DiffCell["kind"], string>> = {
  born: "new",
  died: "gone",
  reshaped: "reshaped",
  reclassed: "other class",
  split: "split",
  merged: "merged",
  repainted: "other class",
};

/** The colour a kind of change is told in. */
export const TONES: Readonly<Record<DiffCell["kind"], string>> = {
  born: "good",
  died: "bad",
  reshaped: "",
  reclassed: "warn",
  split: "info",
  merged: "info",
  repainted: "warn",
};

export const kindWord = (kind: DiffCell["kind"]): string => VERBS[kind];

const TALLIES: readonly (readonly [keyof DiffCells, string])[] = [
  ["born", "new"],
  ["died", "gone"],
  ["reshaped", "reshaped"],
  ["reclassed", "of another class"],
];

/** What of `summary` is not zero, images first: the large numbers of the page. */
export function diffFigures(summary: DiffSummary): DiffFigure[] {
  const figures: DiffFigure[] = [];
  const add = (value: number, [one, many]: readonly [string, string], what: string, note?: string): void => {
    if (value > 0) figures.push({ value: count(value), label: `${value === 1 ? one : many} ${what}`, ...(note ? { note } : {}) });
  };
  const { images } = summary;
  const image = ["image", "images"] as const;
  add(images.added, image, "added");
  add(images.removed, image, "removed");
  add(images.changed, image, "changed", whatChanged(images.what));
  const cells = summary.cells ?? summary.tracks;
  const { thing } = wordsOf(summary.task);
  if (cells) {
    for (const [name, word] of TALLIES) add(cells[name], thing, word);
    add(cells.split, thing, "split", `into ${count(cells.split_into)}`);
    add(cells.merged_from, thing, "merged", `into ${count(cells.merged)}`);
  }
  if (summary.links) {
    const link = ["link", "links"] as const;
    add(summary.links.added, link, "added");
    add(summary.links.removed, link, "removed");
  }
  if (summary.divisions) {
    const division = ["division", "divisions"] as const;
    add(summary.divisions.born, division, "new");
    add(summary.divisions.died, division, "gone");
    add(summary.divisions.changed, division, "with other daughters");
  }
  if (summary.pixels) add(summary.pixels.changed, ["pixel", "pixels"], "of another class");
  if (summary.answers) add(summary.answers, ["answer", "answers"], "changed");
  return figures;
}

/** "labels in 3, split in 1". */
export function whatChanged(what: Readonly<Record<string, number>>): string {
  return Object.entries(what)
    .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
    .map(([name, images]) => `${name} in ${count(images)}`)
    .join(", ");
}

/** "12 cells − 3 in images removed − 2 gone + 1 new = 8": what is zero is left out; "" where their number is the same. */
export function ledger(cells: DiffCells, thing: readonly [string, string]): string {
  const terms: (readonly [number, string])[] = [
    [-cells.removed, "in images removed"],
    [-cells.died, "gone"],
    [cells.split_into - cells.split, "by splits"],
    [cells.merged - cells.merged_from, "by merges"],
    [cells.born, "new"],
    [cells.added, "in images added"],
  ];
  const told = terms.filter(([change]) => change !== 0).map(([change, why]) => `${change < 0 ? "−" : "+"} ${count(Math.abs(change))} ${why}`);
  return told.length === 0 ? "" : [counted(cells.before, ...thing), ...told, `= ${count(cells.after)}`].join(" ");
}

/** What a cell's picture shows, in one line. */
export function changeLine(cell: DiffCell): string {
  const parts: string[] = [];
  const tracks = cell.frame === null ? ["", ""] : [" track", " tracks"];
  if (cell.kind === "split") parts.push(`1 → ${cell.after.length}${tracks[1]}`);
  if (cell.kind === "merged") parts.push(`${cell.before.length} → 1${tracks[0]}`);
  if (cell.kind === "reclassed" || cell.kind === "repainted") parts.push(`${cell.classes_before.join(", ") || "unknown"} → ${cell.classes_after.join(", ") || "unknown"}`);
  if (cell.kind === "repainted") parts.push(counted(cell.area_after, "pixel"));
  else if (cell.iou !== null && cell.kind !== "reclassed") parts.push(`IoU ${cell.iou.toFixed(2)}`);
  if (cell.kind === "born") parts.push(counted(cell.area_after, "pixel"));
  if (cell.kind === "died") parts.push(counted(cell.area_before, "pixel"));
  if (cell.frame !== null) parts.push(`frame ${cell.frame + 1}`);
  return parts.join(" · ");
}

/** "train → test: 2 images" and the like, most first. */
export function moveLines(moves: Readonly<Record<string, number>>): string[] {
  return Object.entries(moves)
    .sort((a, b) => b[1] - a[1])
    .map(([move, images]) => `${move.replace("->", "→")}: ${counted(images, "image")}`);
}

/** A fact of the release that differs, as text: titles and licences as they are, anything else by name only. */
export function factLine(name: string, pair: unknown): string {
  const [before, after] = Array.isArray(pair) ? (pair as unknown[]) : [];
  return typeof before === "string" && typeof after === "string" ? `${name}: ${before} → ${after}` : `${name} changed`;
}
