/** Classes said of subjects: what a key press says, what is still open, and which subjects to show. Pure. */

import type { Value, Values } from "./values";

/** The classes of a campaign, in order. `multi`: several may hold at once, or none. */
export interface Classes {
  readonly names: readonly string[];
  readonly ordinal: boolean;
  readonly multi: boolean;
}

/** The classes said of `subject`; null where nothing is said. An empty list says that none holds. */
export function saidOf(values: Values, subject: string): readonly string[] | null {
  const value = values.get(subject);
  return Array.isArray(value) ? (value as readonly string[]) : null;
}

/**
 * What giving `subjects` the class `name` asks for. Where several classes may hold the class is added to those that lack
 * it, or, where all have it, taken from each; a subject without any class left is unsaid again.
 */
export function assign(values: Values, subjects: readonly string[], name: string, classes: Classes): Record<string, Value | null> {
  if (!classes.multi) return Object.fromEntries(subjects.map((subject) => [subject, [name]]));
  const everywhere = subjects.every((subject) => saidOf(values, subject)?.includes(name));
  return Object.fromEntries(
    subjects.map((subject) => {
      const said = new Set(saidOf(values, subject) ?? []);
      if (everywhere) said.delete(name);
      else said.add(name);
      const listed = classes.names.filter((each) => said.has(each));
      return [subject, listed.length > 0 ? listed : null];
    }),
  );
}

/** Say `value` of every one of `subjects`: null leaves them unsaid, an empty list says that no class holds. */
export function sayOfAll(subjects: readonly string[], value: readonly string[] | null): Record<string, Value | null> {
  return Object.fromEntries(subjects.map((subject) => [subject, value]));
}

export interface Tally {
  /** Subjects of each class, in the order of the classes. */
  readonly perClass: readonly number[];
  /** Subjects of which is said that no class holds. */
  readonly none: number;
  readonly unsaid: number;
}

export function tally(values: Values, subjects: readonly string[], { names }: Pick<Classes, "names">): Tally {
  const said = subjects.map((subject) => saidOf(values, subject));
  return {
    perClass: names.map((name) => said.filter((list) => list?.includes(name)).length),
    none: said.filter((list) => list?.length === 0).length,
    unsaid: said.filter((list) => list === null).length,
  };
}

/** Which subjects are shown: all, those without a class yet, those of one class, or those said to have none. */
export type Filter = { readonly kind: "all" } | { readonly kind: "unsaid" } | { readonly kind: "none" } | { readonly kind: "class"; readonly name: string };

export function shows(filter: Filter, values: Values, subject: string): boolean {
  const said = saidOf(values, subject);
  switch (filter.kind) {
    case "all":
      return true;
    case "unsaid":
      return said === null;
    case "none":
      return said?.length === 0;
    case "class":
      return said?.includes(filter.name) ?? false;
  }
}

/** `subjects`, those the draft was least sure of first; those it did not look at come before all others. */
export function leastSureFirst(subjects: readonly string[], certainty: Readonly<Record<string, number>>): string[] {
  return [...subjects].sort((a, b) => (certainty[a] ?? -1) - (certainty[b] ?? -1) || Number(a) - Number(b));
}
