/** Which items of a list are chosen, and where the keyboard stands in it. Pure: every event gives a new selection. */

export interface Selection {
  /** Where the keyboard stands; null in an empty list. */
  readonly focus: string | null;
  /** Where a range with Shift begins. */
  readonly anchor: string | null;
  readonly chosen: ReadonlySet<string>;
}

export const NOTHING: Selection = { focus: null, anchor: null, chosen: new Set() };

function range(items: readonly string[], from: string, to: string): string[] {
  const a = items.indexOf(from);
  const b = items.indexOf(to);
  return a === -1 || b === -1 ? [to] : items.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** One item alone. */
export function only(item: string): Selection {
  return { focus: item, anchor: item, chosen: new Set([item]) };
}

/** A press on `item`: alone it is chosen, with Ctrl it is added or taken away, with Shift everything from the anchor. */
export function press(selection: Selection, items: readonly string[], item: string, held: { shift: boolean; ctrl: boolean }): Selection {
  if (held.shift && selection.anchor !== null) {
    const chosen = new Set(held.ctrl ? selection.chosen : []);
    for (const each of range(items, selection.anchor, item)) chosen.add(each);
    return { focus: item, anchor: selection.anchor, chosen };
  }
  if (!held.ctrl) return only(item);
  const chosen = new Set(selection.chosen);
  if (!chosen.delete(item)) chosen.add(item);
  return { focus: item, anchor: item, chosen };
}

/** A drag from `from` over to `to`: everything between, on top of `before` where Ctrl is held. */
export function sweep(items: readonly string[], from: string, to: string, before: ReadonlySet<string> = new Set()): Selection {
  return { focus: to, anchor: from, chosen: new Set([...before, ...range(items, from, to)]) };
}

/** An arrow key: `by` places along the list, never beyond its ends. With Shift the range grows or shrinks. */
export function step(selection: Selection, items: readonly string[], by: number, shift: boolean): Selection {
  if (items.length === 0) return NOTHING;
  const at = selection.focus === null ? -1 : items.indexOf(selection.focus);
  const next = items[at === -1 ? 0 : Math.min(items.length - 1, Math.max(0, at + by))]!;
  return shift ? press(selection, items, next, { shift: true, ctrl: false }) : only(next);
}

export function all(selection: Selection, items: readonly string[]): Selection {
  const focus = selection.focus !== null && items.includes(selection.focus) ? selection.focus : (items[0] ?? null);
  return { focus, anchor: focus, chosen: new Set(items) };
}

/**
 * The list is another one now: what is no longer in it is let go. Where the focus went with it, it stands on what took
 * its place in `before`, the list as it was.
 */
export function follow(selection: Selection, before: readonly string[], items: readonly string[]): Selection {
  const there = new Set(items);
  const chosen = new Set([...selection.chosen].filter((item) => there.has(item)));
  if (selection.focus !== null && there.has(selection.focus)) {
    const anchor = selection.anchor !== null && there.has(selection.anchor) ? selection.anchor : selection.focus;
    return { focus: selection.focus, anchor, chosen };
  }
  const at = selection.focus === null ? -1 : before.indexOf(selection.focus);
  const next = (at === -1 ? items[0] : (before.slice(at).find((item) => there.has(item)) ?? items.at(-1))) ?? null;
  if (next === null) return NOTHING;
  return chosen.size > 0 ? { focus: next, anchor: next, chosen } : only(next);
}

/** The next item after the focus that `wanted` accepts, going round; null where there is none. */
export function nextWhere(selection: Selection, items: readonly string[], wanted: (item: string) => boolean): string | null {
  const at = selection.focus === null ? -1 : items.indexOf(selection.focus);
  return [...items.slice(at + 1), ...items.slice(0, at + 1)].find(wanted) ?? null;
}
