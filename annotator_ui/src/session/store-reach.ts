/** Buckets that take no parts from this page (no CORS rule, a firewall): each is tried once, then left alone until a reload. */

import { signal, type ReadonlySignal } from "@preact/signals";

const SILENCE_AT_FIRST = 20_000;
const SILENCE = 60_000;

const took = new Set<string>();
const closed = signal<readonly string[]>([]);

/** Origins of the buckets that this page cannot send to. */
export const closedStores: ReadonlySignal<readonly string[]> = closed;

/** Whether a link leads elsewhere than to the hub. */
export function leadsToStore(url: string): boolean {
  return /^https?:/.test(url);
}

export function isClosed(url: string): boolean {
  return leadsToStore(url) && closed.value.includes(new URL(url).origin);
}

/** How long nothing may move before a part counts as broken off, in ms; less where nothing ever arrived. */
export function silenceOf(url: string): number {
  return leadsToStore(url) && !took.has(new URL(url).origin) ? SILENCE_AT_FIRST : SILENCE;
}

/** What became of one part: a bucket that has taken parts before is not closed for a moment of no network. */
export function tell(url: string, arrived: boolean): void {
  if (!leadsToStore(url)) return;
  const { origin } = new URL(url);
  if (arrived) took.add(origin);
  else if (!took.has(origin) && !closed.value.includes(origin)) closed.value = [...closed.value, origin];
}
