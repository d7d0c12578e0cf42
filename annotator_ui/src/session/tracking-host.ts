/** What tracking is given, and what it says to the person. */

import type { ReadonlySignal, Signal } from "@preact/signals";
import type { Value, Values } from "../labels/values";
import type { Key } from "../lineage/cells";
import type { Picture } from "./picture";
import type { ProposalHub } from "./proposals";

/** What tracking needs of an assignment's session. */
export interface TrackingHost {
  readonly values: ReadonlySignal<Values>;
  /** The id that the canvas draws as selected. */
  readonly selected: Signal<number | null>;
  readonly picture: Pick<Picture, "at" | "show">;
  readonly assignment: { readonly draft: { readonly values: Readonly<Record<Key, unknown>>; readonly cells: Readonly<Record<Key, number>> } | null };
  readonly proposals: ProposalHub;
  change(tool: string, params: Record<string, string>, wanted: Readonly<Record<string, Value | null>>): boolean;
  undo(): void;
  redo(): void;
}

export interface Said {
  readonly tone: "info" | "bad";
  readonly text: string;
  /** Counts what has been said: the same words again are new. */
  readonly number: number;
}
