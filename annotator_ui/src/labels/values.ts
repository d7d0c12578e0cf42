/** What a reading says in words rather than pixels: a flat map of values, its changes, and its canonical bytes. Pure. */

import { LARGE, LayeredMap } from "./layered-map";

export type Value = string | number | boolean | readonly string[];

/** Key -> value; a key that is absent has not been said. */
export type Values = ReadonlyMap<string, Value>;

/** Of one key: what it was and what it becomes; null is absent. */
export type Change = readonly [old: Value | null, new: Value | null];

/** Of one edit. Unlike a delta of pixels a change is not its own inverse. */
export type Changes = Readonly<Record<string, Change>>;

export const NO_CHANGES: Changes = {};

export function sameValue(a: Value | null, b: Value | null): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => item === b[i]);
  return a === b;
}

export function sameValues(a: Values, b: Values): boolean {
  return a.size === b.size && [...a].every(([key, value]) => sameValue(value, b.get(key) ?? null));
}

export function sameChanges(a: Changes, b: Changes): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => key in b && sameValue(a[key]![0], b[key]![0]) && sameValue(a[key]![1], b[key]![1]))
  );
}

export function isEmpty(changes: Changes): boolean {
  return Object.keys(changes).length === 0;
}

/** `values` after `changes`, whatever the keys held before. */
export function applyChanges(values: Values, changes: Changes): Values {
  if (values.size > LARGE) return LayeredMap.with(values, Object.entries(changes).map(([key, [, value]]) => [key, value] as const));
  const after = new Map(values);
  for (const [key, [, value]] of Object.entries(changes)) {
    if (value === null) after.delete(key);
    else after.set(key, value);
  }
  return after;
}

/** What takes `changes` back. */
export function invertChanges(changes: Changes): Changes {
  return Object.fromEntries(Object.entries(changes).map(([key, [old, value]]) => [key, [value, old] as const]));
}

/** The change that makes `values` say what is `wanted`; keys that say it already are left out. */
export function changesTo(values: Values, wanted: Readonly<Record<string, Value | null>>): Changes {
  const changes: Record<string, Change> = {};
  for (const [key, value] of Object.entries(wanted)) {
    const old = values.get(key) ?? null;
    if (!sameValue(old, value)) changes[key] = [old, value];
  }
  return changes;
}

/** `changes` as they are on top of `values`: what was meant stays, the old values are those that are there now. */
export function rebaseChanges(changes: Changes, values: Values): Changes {
  return changesTo(values, Object.fromEntries(Object.entries(changes).map(([key, [, value]]) => [key, value])));
}

function byCodePoint(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** JSON with sorted keys and no spaces, non-ASCII kept: the bytes that `cellcommons.canonical` hashes. */
export function canonicalJson(json: unknown): string {
  if (Array.isArray(json)) return `[${json.map(canonicalJson).join(",")}]`;
  if (json instanceof Map || json instanceof LayeredMap) return canonicalJson(Object.fromEntries(json as Iterable<[string, unknown]>));
  if (json !== null && typeof json === "object") {
    const entries = Object.entries(json).sort(([a], [b]) => byCodePoint(a, b));
    return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${canonicalJson(value)}`).join(",")}}`;
  }
  return JSON.stringify(json);
}
