/** Links that a linker of the hub proposes: ordered, waited for while the person goes on, taken or refused one by one. */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { api } from "../api/client";
import { asProblem, type Problem } from "../api/problem";
import type { Key } from "../lineage/cells";
import type { Lineage } from "../lineage/lineage";
import type { Suspicion } from "../lineage/suspicion";
import type { Changes } from "../lineage/operations";

/** Child -> its proposed parent, and whether a second method says the same. */
export type Proposed = ReadonlyMap<Key, { readonly parent: Key; readonly sure: boolean }>;

export interface ProposalAnswer {
  readonly state: "none" | "waiting" | "running" | "ready" | "failed";
  readonly links: Readonly<Record<Key, readonly [string, boolean]>>;
  readonly error: string;
}

/** Asking the hub. */
export interface ProposalHub {
  order(linker: LinkerName, first: number, last: number): Promise<ProposalAnswer>;
  ask(): Promise<ProposalAnswer>;
}

export function proposalHub(assignment: string): ProposalHub {
  const at = "/api/v1/assignments/{id}/proposal/";
  const path = { id: assignment };
  // The schema says of a link that it is a list, and no more.
  const said = (answer: unknown) => answer as ProposalAnswer;
  return {
    order: async (linker, first, last) => said(await api.post(at, { path, body: { linker, first, last } })),
    ask: async () => said(await api.get(at, { path })),
  };
}

/** Linkers to choose from, the hub's default first. */
export const LINKERS = ["global-program", "assignment", "kalman", "overlap", "nearest"] as const;
export type LinkerName = (typeof LINKERS)[number];
/** How often the hub is asked whether it is done, ms. */
const ASK_EVERY = 1000;

export class Proposals {
  readonly working = signal(false);
  readonly problem = signal<Problem | null>(null);
  readonly refused = signal("");
  private readonly proposed = signal<Proposed | null>(null);
  private readonly rejected = signal<ReadonlySet<Key>>(new Set());
  /** What is proposed and not so yet, as places to look at; null where nothing has been proposed. */
  readonly open: ReadonlySignal<readonly Suspicion[] | null>;
  private orders = 0;

  constructor(
    private readonly hub: ProposalHub,
    private readonly lineage: ReadonlySignal<Lineage>,
  ) {
    this.open = computed(() => {
      const proposed = this.proposed.value;
      if (!proposed) return null;
      const lineage = this.lineage.value;
      const places: Suspicion[] = [];
      for (const [child, { parent, sure }] of proposed) {
        const cell = lineage.detections.get(child);
        const from = lineage.detections.get(parent);
        if (!cell || !from || this.rejected.value.has(child) || lineage.parentOf(child)?.key === parent) continue;
        const text = `Proposed: follows track ${lineage.trackOf(parent)!.number}${sure ? "" : ", methods differ"}`;
        places.push({ kind: "proposed", id: `proposed ${child}`, cell, other: from, track: lineage.trackOf(child)!, text });
      }
      return places;
    });
  }

  /** Let the hub link frames `first` to `last`, both included. Resolves when it has, or could not; a later order overtakes. */
  async order(linker: LinkerName, first: number, last: number): Promise<void> {
    const number = ++this.orders;
    this.working.value = true;
    this.problem.value = null;
    this.refused.value = "";
    try {
      let answer = await this.hub.order(linker, first, last);
      while (answer.state === "waiting" || answer.state === "running") {
        await new Promise((resolve) => setTimeout(resolve, ASK_EVERY));
        if (number !== this.orders) return;
        answer = await this.hub.ask();
      }
      if (number !== this.orders) return;
      if (answer.state === "ready") {
        this.proposed.value = new Map(Object.entries(answer.links).map(([child, [parent, sure]]) => [child, { parent, sure }]));
        this.rejected.value = new Set();
      } else this.refused.value = answer.error || "The hub has nothing to propose.";
    } catch (error) {
      if (number === this.orders) this.problem.value = asProblem(error);
    } finally {
      if (number === this.orders) this.working.value = false;
    }
  }

  reject(child: Key): void {
    this.rejected.value = new Set([...this.rejected.peek(), child]);
  }

  /** The links on which both methods agree and that take nothing away: their cell begins a track, its parent goes on as nothing else. */
  sure(): Changes {
    const lineage = this.lineage.peek();
    const proposed = this.proposed.peek();
    const changes: Changes = {};
    for (const place of this.open.peek() ?? []) {
      const link = proposed!.get(place.cell.key)!;
      const others = lineage.childrenOf(link.parent).filter(({ key }) => proposed!.get(key)?.parent !== link.parent);
      if (link.sure && !lineage.parentOf(place.cell.key) && others.length === 0) changes[place.cell.key] = link.parent;
    }
    return changes;
  }

  /** Put what is proposed away. */
  clear(): void {
    this.orders++;
    this.working.value = false;
    this.proposed.value = null;
  }
}
