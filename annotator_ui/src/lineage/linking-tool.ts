/** The tools of tracking as one state machine: which cells have been chosen so far, and what the next one brings about. */

import { frameOf, type Key } from "./cells";
import type { Lineage } from "./lineage";
import { SCOPE_WORDS } from "./outcome";
import { assign, divide, link, Refusal, swap, type Changes, type Scope } from "./operations";

export type LinkingTool = "select" | "link" | "divide" | "swap" | "assign";

export interface Choosing {
  readonly tool: LinkingTool;
  /** Cells chosen so far: the parent; the mother and a daughter; one of two to swap; a cell of the track to give to. */
  readonly chosen: readonly Key[];
}

export interface Answer {
  readonly next: Choosing;
  /** The cell that is selected from now on. */
  readonly selected: Key;
  /** What changes, with the name under which it is kept; null where more must be chosen first. */
  readonly edit: { readonly tool: string; readonly params: Record<string, string>; readonly changes: Changes } | null;
  /** The person goes on in the next frame. */
  readonly forward: boolean;
}

/** Take a tool with the selected cell already in hand. */
export function take(tool: LinkingTool, selected: Key | null): Choosing {
  return { tool, chosen: tool !== "select" && selected ? [selected] : [] };
}

/**
 * A cell is chosen. `beside`: a link keeps the other child, as a division.
 * @throws Refusal where the operation cannot be done; the choice stays as it was.
 */
export function choose(choosing: Choosing, lineage: Lineage, key: Key, scope: Scope, beside = false): Answer {
  const { tool, chosen } = choosing;
  const more = (forward: boolean): Answer => ({ next: { tool, chosen: [...chosen, key] }, selected: key, edit: null, forward });
  switch (tool) {
    case "select":
      return { next: choosing, selected: key, edit: null, forward: false };
    case "link": {
      const [from] = chosen;
      if (!from) return more(true);
      const [parent, child] = frameOf(from) < frameOf(key) ? [from, key] : [key, from];
      const changes = link(lineage, parent, child, beside);
      // The line is drawn on from the cell that was just linked, unless it goes on already.
      const goOn = key === child && lineage.childrenOf(child).length === 0 && frameOf(child) < lineage.detections.frameCount - 1;
      return {
        next: goOn ? { tool, chosen: [child] } : { tool: "select", chosen: [] },
        selected: child,
        edit: { tool: "link", params: { parent, child }, changes },
        forward: goOn,
      };
    }
    case "divide": {
      const [mother, first] = chosen;
      if (!mother) return more(true);
      if (frameOf(key) <= frameOf(mother)) throw new Refusal("Daughters come in a later frame than their mother.");
      if (!first) return more(false);
      const changes = divide(lineage, mother, first, key);
      return { next: { tool: "select", chosen: [] }, selected: mother, edit: { tool: "divide", params: { mother, first, second: key }, changes }, forward: false };
    }
    case "swap": {
      const [first] = chosen;
      if (!first || frameOf(first) !== frameOf(key)) return { ...more(false), next: { tool, chosen: [key] } };
      const changes = swap(lineage, first, key, scope);
      return { next: { tool: "select", chosen: [] }, selected: first, edit: { tool: "swap", params: { first, second: key, scope }, changes }, forward: false };
    }
    case "assign": {
      const [member] = chosen;
      const track = member && lineage.trackOf(member);
      if (!member || !track) return more(true);
      const changes = assign(lineage, key, track, scope);
      // Frame by frame through the movie where one frame is meant, else done.
      const goOn = scope === "this";
      return {
        next: { tool: goOn ? tool : "select", chosen: goOn ? [key] : [] },
        selected: key,
        edit: { tool: "assign", params: { cell: key, track: member, scope }, changes },
        forward: goOn,
      };
    }
  }
}

/** What the person is asked for next. */
export function prompt({ tool, chosen }: Choosing, scope: Scope): string {
  const part = SCOPE_WORDS[scope];
  switch (tool) {
    case "select":
      return "";
    case "link":
      return chosen.length === 0 ? "Choose the earlier cell" : "Choose the cell it goes on as (Shift: a further daughter)";
    case "divide":
      return ["Choose the mother in her last frame", "Choose the first daughter", "Choose the second daughter"][chosen.length]!;
    case "swap":
      return chosen.length === 0 ? "Choose the first of two cells" : `Choose the other cell: swapped ${part}`;
    case "assign":
      return chosen.length === 0 ? "Choose a cell of the right track" : `Choose the cell that belongs to it, ${part}`;
  }
}
