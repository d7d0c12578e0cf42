/** A choice about the workbench that this browser remembers. Nothing here is work. */

import { effect, signal, type Signal } from "@preact/signals";

export function preference(name: string, otherwise: boolean): Signal<boolean> {
  const key = `cell-commons.${name}`;
  const choice = signal(otherwise);
  try {
    const kept = localStorage.getItem(key);
    if (kept !== null) choice.value = kept === "yes";
    effect(() => localStorage.setItem(key, choice.value ? "yes" : "no"));
  } catch {
    // Site data is blocked: the choice holds for this sitting.
  }
  return choice;
}
