/** What the page of a disagreement shows and offers: the same form for every task, made by one file each. */

import type { Dispute, Settlement } from "../../../session/disagreements";
import type { Drawing } from "../parts/crop-canvas";

export interface Still extends Drawing {
  readonly title: string;
}

export interface Choice {
  readonly key: string;
  readonly title: string;
  /** `#rrggbb` of each of its classes; none where it has none. */
  readonly colours: readonly string[];
  /** How many readers said so; told only after the choice: a vote must not lead the eye. */
  readonly readings: number;
  /** One picture or, of a movie, two; none for a choice in words. */
  readonly pictures: readonly Still[];
}

export interface DisputeForm {
  readonly question: string;
  /** Shown beside the choices, whatever is chosen. */
  readonly stills: readonly Still[];
  readonly choices: readonly Choice[];
  /** What key 0 says; null where one of the choices says just that. */
  readonly nothing: string | null;
  /** Several choices may hold at once. */
  readonly several: boolean;
  /** What choosing these keys says; none of them: nothing. */
  readonly settlement: (keys: readonly string[]) => Settlement;
}

export interface DisputeKind {
  /** The question where only the kind of disagreement is known (in the queue). */
  readonly question: (kind: string) => string;
  readonly form: (dispute: Dispute) => DisputeForm;
}

/** For choices that are options of the hub: the key is the option's index. */
export function byOption(keys: readonly string[]): Settlement {
  return keys.length === 0 ? { nothing: true } : { option: Number(keys[0]) };
}
