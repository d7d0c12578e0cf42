/**
 * Shapes that the hub sends and `schema.ts` does not name yet. Delete this file once the types are generated anew:
 * `api/types.ts` is the only one that reads it.
 */

export type TaskName = "instance_segmentation" | "semantic_segmentation" | "classification" | "tracking" | "augmented";

/** The classes that a label may name, in order. `ordinal`: the order is a rank. `multi`: several at once, or none. */
export interface Ontology {
  readonly names: readonly string[];
  readonly ordinal: boolean;
  readonly multi: boolean;
}

/** Key -> JSON value. Absent, or null in a change: not said. */
export type JsonValue = string | number | boolean | readonly string[] | readonly number[];
export type Values = Readonly<Record<string, JsonValue | null>>;

/** What is shown beside the image. `role` of a candidate is told only after the answer. */
export interface Given {
  readonly key: string;
  readonly kind: "cells" | "boxes" | "detections" | "target" | "candidate";
  readonly title: string;
  readonly role: "real" | "predicted" | null | (string & {});
  readonly zarr_url: string | null;
  readonly values: Readonly<Record<string, unknown>> | null;
  readonly channels: readonly string[] | null;
}

export type Question = "trial" | "preference";

/** What each of the generated types gains. */
export interface More {
  disagreement: { kind: string; task?: TaskName; ontology?: Ontology | null; frame?: number | null; keys?: string[] };
  wholeDisagreement: {
    options: { index: number; readings: string[]; cells: number; labels: string | null; values?: Values | null }[];
    given?: Given[];
    consensus_zarr_url: string | null;
    consensus_values?: Values | null;
  };
  release: { task?: TaskName; ontology?: Ontology | null; counts: Readonly<Record<string, unknown>> & { images: number; cells: number; readings: number } };
}
