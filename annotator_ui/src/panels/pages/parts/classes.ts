/** The classes of a campaign as they are typed: what is wrong with them, and what is sent. No browser needed. */

import type { NewCampaign } from "../../../api/types";

export const LONGEST_NAME = 80;

/** Names as typed, blank rows left out. */
export function namesOf(rows: readonly string[]): string[] {
  return rows.map((row) => row.trim()).filter((row) => row !== "");
}

/** What is wrong with the row at `index`; "" where nothing is. */
export function rowProblem(rows: readonly string[], index: number): string {
  const name = rows[index]!.trim();
  if (name.length > LONGEST_NAME) return `At most ${LONGEST_NAME} characters`;
  if (name !== "" && rows.some((other, i) => i < index && other.trim() === name)) return `“${name}” is there already`;
  return "";
}

/** What keeps these classes from being used; "" where nothing does. `least`: how many there must be. */
export function classesProblem(rows: readonly string[], least: number): string {
  const names = namesOf(rows);
  if (names.length < least) return least === 1 ? "Name at least one class." : `Name at least ${least} classes: with fewer every answer is the same.`;
  const wrong = rows.findIndex((_, i) => rowProblem(rows, i) !== "");
  return wrong === -1 ? "" : `Class ${wrong + 1}: ${rowProblem(rows, wrong).toLowerCase()}.`;
}

export function ontologyOf(rows: readonly string[], ordinal: boolean, multi: boolean): NonNullable<NewCampaign["ontology"]> {
  return { names: namesOf(rows), ordinal, multi };
}

/** Several names pasted at once, one a line or with commas, in place of the row at `index`. */
export function pasted(rows: readonly string[], index: number, text: string): string[] | null {
  const found = namesOf(text.split(/[\n\r,;\t]+/));
  if (found.length < 2) return null;
  const before = rows.slice(0, index);
  const fresh = found.filter((name, i) => !before.includes(name) && found.indexOf(name) === i);
  return [...before, ...fresh, ...rows.slice(index + 1)];
}

/** A list with the item at `from` moved by one place. */
export function moved<T>(items: readonly T[], from: number, by: 1 | -1): T[] {
  const to = from + by;
  if (to < 0 || to >= items.length) return [...items];
  const next = [...items];
  [next[from], next[to]] = [next[to]!, next[from]!];
  return next;
}
