/** What the measures of a model card are called, which way is better, and how they are sorted onto the page. No browser needed. */

import { wordsOf } from "../../task-words";

export interface MeasureWords {
  readonly label: string;
  /** A share (drawn as a bar from 0 to 1), a number in its own unit, or how many there were. */
  readonly kind: "ratio" | "number" | "count";
  readonly better: "more" | "less" | null;
  readonly unit: string;
}

type Row = readonly [label: string, kind: MeasureWords["kind"], better?: MeasureWords["better"], unit?: string];

const ROWS: Readonly<Record<string, Row>> = {
  // cells
  f1_50: ["F1 at IoU 0.5", "ratio"],
  precision_50: ["Precision at IoU 0.5", "ratio"],
  recall_50: ["Recall at IoU 0.5", "ratio"],
  ap_50: ["AP at IoU 0.5", "ratio"],
  mean_ap: ["Mean AP, IoU 0.5 to 0.9", "ratio"],
  iou: ["Foreground IoU", "ratio"],
  dice: ["Dice", "ratio"],
  // classes of pixels
  mean_dice: ["Mean Dice", "ratio"],
  mean_jaccard: ["Mean Jaccard", "ratio"],
  jaccard: ["Jaccard", "ratio"],
  pixel_accuracy: ["Pixel accuracy", "ratio"],
  known_share: ["Share that is known", "ratio", null],
  known_pixels: ["Known pixels", "count"],
  pixels: ["Pixels", "count"],
  // classes of subjects
  macro_f1: ["Macro F1", "ratio"],
  accuracy: ["Accuracy", "ratio"],
  balanced_accuracy: ["Balanced accuracy", "ratio"],
  mean_average_precision: ["Mean average precision", "ratio"],
  average_precision: ["Average precision", "ratio"],
  f1: ["F1", "ratio"],
  precision: ["Precision", "ratio"],
  recall: ["Recall", "ratio"],
  spearman: ["Spearman correlation of ranks", "ratio"],
  calibration_error: ["Calibration error", "number", "less"],
  brier: ["Brier score", "number", "less"],
  mean_rank_error: ["Mean error in ranks", "number", "less"],
  count: ["Of this class", "count"],
  subjects: ["Subjects", "count"],
  // tracks
  link_f1: ["Links, F1", "ratio"],
  link_precision: ["Links, precision", "ratio"],
  link_recall: ["Links, recall", "ratio"],
  division_f1: ["Divisions, F1", "ratio"],
  division_precision: ["Divisions, precision", "ratio"],
  division_recall: ["Divisions, recall", "ratio"],
  tra: ["TRA, tracking", "ratio"],
  det: ["DET, detection", "ratio"],
  seg: ["SEG, segmentation", "ratio"],
  lnk: ["LNK, linking", "ratio"],
  ct: ["CT, complete tracks", "ratio"],
  tf: ["TF, track fractions", "ratio"],
  bc: ["BC, branching correctness", "ratio"],
  cca: ["CCA, cell cycle accuracy", "ratio"],
  bio: ["BIO, biological measures", "ratio"],
  links: ["Links", "count"],
  links_missed: ["Links missed", "count"],
  links_wrong: ["Links wrong", "count"],
  divisions: ["Divisions", "count"],
  divisions_missed: ["Divisions missed", "count"],
  divisions_wrong: ["Divisions wrong", "count"],
  // pictures
  pearson_r: ["Pearson r", "ratio"],
  ssim: ["SSIM", "ratio"],
  segmentation_f1_50: ["Cells found in predicted against real, F1", "ratio"],
  psnr: ["PSNR", "number", "more", "dB"],
  nrmse: ["NRMSE", "number", "less"],
  uncertainty_spearman: ["Unsure images are the wrong ones, Spearman", "number", "more"],
  error_spearman: ["Unsure places are the wrong ones, Spearman", "number", "more"],
  images: ["Test images", "count"],
  cells: ["Cells in them", "count"],
};

/** Words of `name`; a measure that this page does not know keeps its name and its number. */
export function measureWords(name: string): MeasureWords {
  const row = ROWS[name];
  if (!row) return { label: spaced(name), kind: "number", better: null, unit: "" };
  const [label, kind, better, unit] = row;
  return { label, kind, better: better === undefined ? (kind === "ratio" ? "more" : null) : better, unit: unit ?? "" };
}

/** A measure as people read it: shares with three decimals, decibels with one, counts whole; "–" for none. */
export function measureText(name: string, value: unknown): string {
  const number = finite(value);
  if (number === null) return "–";
  const { kind, unit } = measureWords(name);
  if (kind === "count") return Math.round(number).toLocaleString("en");
  const text = kind === "number" && Math.abs(number) >= 10 ? number.toFixed(1) : number.toFixed(3);
  return unit ? `${text} ${unit}` : text;
}

export function spaced(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

export function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export type Flat = Readonly<Record<string, unknown>>;
export type Numbers = Readonly<Record<string, number>>;

/** The numbers of a mapping whose values are numbers (or null: undefined there); null where it is none. */
export function numbersIn(value: unknown): Numbers | null {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const entries = Object.entries(value);
  if (entries.length === 0 || !entries.every(([, each]) => each === null || typeof each === "number")) return null;
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => finite(entry[1]) !== null));
}

/** Row -> column -> number. */
function tableIn(value: unknown): Readonly<Record<string, Numbers>> | null {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const rows = Object.entries(value).map(([name, row]) => [name, numbersIn(row)] as const);
  return rows.length > 0 && rows.every(([, row]) => row !== null) ? (Object.fromEntries(rows) as Record<string, Numbers>) : null;
}

export interface Sorted {
  /** Drawn as bars, the headline first. */
  readonly ratios: readonly string[];
  readonly numbers: readonly string[];
  readonly counts: readonly string[];
  /** Measure -> class or marker -> value. */
  readonly parts: Readonly<Record<string, Numbers>>;
  /** Truth -> decision -> how many; null where classes do not exclude each other. */
  readonly confusion: Readonly<Record<string, Numbers>> | null;
}

/** Other thresholds than 0.5 are points of a curve, bounds belong to an interval. */
function isPart(name: string, measures: Flat): boolean {
  if (/^(f1|precision|recall|ap)_(?!50$)\d\d$/.test(name)) return true;
  const bounded = /^(.*)_(low|high)$/.exec(name);
  return bounded !== null && bounded[1]! in measures;
}

/** Where each measure of a card is shown; none is left out but points of curves and bounds of intervals. */
export function sortMeasures(measures: Flat, headline: string): Sorted {
  const ratios: string[] = [];
  const numbers: string[] = [];
  const counts: string[] = [];
  const parts: Record<string, Numbers> = {};
  let confusion: Sorted["confusion"] = null;
  for (const [name, value] of Object.entries(measures)) {
    if (isPart(name, measures)) continue;
    if (finite(value) !== null) {
      const { kind } = measureWords(name);
      (kind === "ratio" ? ratios : kind === "count" ? counts : numbers).push(name);
      continue;
    }
    const flat = numbersIn(value);
    const table = flat ? null : tableIn(value);
    if (flat && Object.keys(flat).length > 0) parts[name.replace(/_by_channel$/, "")] = flat;
    else if (table && name === "confusion") confusion = table;
    else if (table) for (const [measure, row] of Object.entries(table)) parts[measure] = row;
  }
  const order = Object.keys(ROWS);
  // Those without words come last, in the order they came.
  const place = (name: string) => (name === headline ? -1 : name in ROWS ? order.indexOf(name) : order.length);
  const first = (a: string, b: string) => place(a) - place(b);
  const ordered = Object.fromEntries(Object.entries(parts).sort(([a], [b]) => first(a, b)));
  return { ratios: ratios.sort(first), numbers: numbers.sort(first), counts: counts.sort(first), parts: ordered, confusion };
}

/** The measure a model is judged by: what its card says, else its task's. */
export function headlineOf(card: { readonly task?: string; readonly headline?: string }): string {
  return card.headline || wordsOf(card.task).headline || "f1_50";
}

/** The headline of one image; where one image alone has none, the first share it has. Null where it has no number. */
export function scoreOf(measures: Flat, headline: string): { name: string; value: number } | null {
  const value = finite(measures[headline]);
  if (value !== null) return { name: headline, value };
  const { ratios, numbers } = sortMeasures(measures, headline);
  const name = ratios[0] ?? numbers[0];
  return name ? { name, value: finite(measures[name])! } : null;
}
