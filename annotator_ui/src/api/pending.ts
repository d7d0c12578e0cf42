/** Shapes the hub speaks that the generated schema does not name yet. Goes away when it does. */

import type { Given, Ontology, Question, TaskName } from "./contract";
import type { components } from "./schema";

type Schemas = components["schemas"];

type Value = string | number | boolean | readonly string[];

export interface Draft {
  readonly annotation: string;
  readonly zarr_url: string | null;
  readonly values: Readonly<Record<string, Value>>;
  /** Cell id, subject or child node -> certainty, 0 to 1. */
  readonly cells: Readonly<Record<string, number>>;
}

export type Assignment = Omit<Schemas["Assignment"], "draft"> & {
  readonly task: TaskName;
  readonly ontology: Ontology | null;
  readonly changed: Readonly<Record<string, Value | null>>;
  readonly question: Question | null;
  readonly given: readonly Given[];
  readonly draft: Draft | null;
};

export type Edit = Schemas["Edit"] & {
  readonly changes?: Readonly<Record<string, readonly [Value | null, Value | null]>>;
};

/** An assignment as the hub gives it, whole also where the hub is one that knows a single task. */
export function whole(raw: Schemas["Assignment"]): Assignment {
  const said = raw as Schemas["Assignment"] & Partial<Assignment>;
  const draft = said.draft as (Schemas["Assignment"]["draft"] & Partial<Draft>) | null;
  return {
    ...raw,
    task: said.task ?? "instance_segmentation",
    ontology: said.ontology ?? null,
    changed: said.changed ?? {},
    question: said.question ?? null,
    given: said.given ?? [],
    draft: draft && { annotation: draft.annotation, zarr_url: draft.zarr_url, cells: draft.cells, values: draft.values ?? {} },
  };
}
