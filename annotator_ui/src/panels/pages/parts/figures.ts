/** Numbers as people read them, and the arithmetic of progress. No browser needed. */

import type { Progress } from "../../../api/types";

const NUMBER = new Intl.NumberFormat("en");

export function count(value: number): string {
  return NUMBER.format(value);
}

/** "1 image", "1,200 images". */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** Decimal units, as disks and networks are sold: 999 B, 1.2 kB, 34 MB. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let rest = value;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${unit === 0 || rest >= 99.5 ? Math.round(rest) : Number(rest.toPrecision(rest >= 10 ? 3 : 2))} ${units[unit]}`;
}

/** 8 s, 1 min 30 s, 2 h 5 min. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

/** 0:05, 3:20, 1:02:05: for axes, where words have no room. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function day(time: string): string {
  return new Date(time).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

/** "just now", "5 min ago", "3 h ago", else the day. */
export function ago(time: string, now: number = Date.now()): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return day(time);
}

/** A measure between 0 and 1 with three decimals; other numbers as they are; "–" for none. */
export function measure(value: unknown): string {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) > 1) return count(value);
  return value.toFixed(3);
}

/** Share of `part` in `whole`, 0..1; 0 of nothing is 0. */
export function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
}

/** Whole percents; 100 only when all is there, 0 only when nothing is. */
export function percent(part: number, whole: number): number {
  const exact = share(part, whole) * 100;
  if (exact > 0 && exact < 1) return 1;
  if (exact > 99 && exact < 100) return 99;
  return Math.round(exact);
}

/** Whole percents that add up to 100 (largest remainder); all 0 where there is nothing. */
export function percents(parts: readonly number[]): number[] {
  const whole = parts.reduce((sum, part) => sum + part, 0);
  if (whole <= 0) return parts.map(() => 0);
  const exact = parts.map((part) => (part / whole) * 100);
  const floors = exact.map(Math.floor);
  const missing = 100 - floors.reduce((sum, part) => sum + part, 0);
  const order = exact.map((value, i) => [value - floors[i]!, i] as const).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  for (const [, i] of order.slice(0, missing)) floors[i]!++;
  return floors;
}

/** What the images of a campaign come to: settled, disputed, and waiting for readings. */
export function outcome(progress: Progress): { settled: number; disputed: number; waiting: number } {
  const { items, settled, disputed } = progress;
  return { settled, disputed, waiting: Math.max(0, items - settled - disputed) };
}

/** Messages of programs as sentences: a capital first, a full stop last. */
export function sentence(text: string): string {
  const bare = text.trim();
  if (bare === "") return "";
  return bare[0]!.toUpperCase() + bare.slice(1) + (/[.!?…]$/.test(bare) ? "" : ".");
}

/** 2018-data bowl! -> "2018-data-bowl": what a slug may look like. */
export function slugOf(title: string): string {
  return title
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64)
    .replace(/-+$/, "");
}
