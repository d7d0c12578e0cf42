/** What a reading consists of, by task: pixels that are painted, values that are said. */

import type { Assignment, Draft, TaskName } from "../api/types";
import { Problem } from "../api/problem";
import { Pyramid } from "../api/zarr";
import { LabelMap } from "../labels/label-map";
import type { Content } from "./wire";

export interface Form {
  readonly paints: boolean;
  readonly answers: boolean;
  /** Keys that can be said once and for all. */
  readonly lasting: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

export const FORMS: Readonly<Record<TaskName, Form>> = {
  instance_segmentation: { paints: true, answers: false, lasting: NONE },
  semantic_segmentation: { paints: true, answers: false, lasting: NONE },
  classification: { paints: false, answers: true, lasting: NONE },
  tracking: { paints: false, answers: true, lasting: NONE },
  augmented: { paints: true, answers: true, lasting: new Set(["trial", "preference"]) },
};

async function readRaster(draft: Draft | null, height: number, width: number): Promise<LabelMap> {
  if (!draft?.zarr_url) return new LabelMap(height, width);
  const planes = await (await Pyramid.open(draft.zarr_url)).read(0);
  if (planes.height !== height || planes.width !== width)
    throw new Problem(-1, {
      title: "The draft does not fit the image",
      detail: `The draft is ${planes.height} x ${planes.width}, the image ${height} x ${width}.`,
      remedy: "Give the image back and tell a curator.",
    });
  const ids = planes.channels[0]!;
  // Nobody else has what was just read: it is not copied where it is of the right kind.
  return new LabelMap(height, width, ids instanceof Uint32Array ? (ids as Uint32Array<ArrayBuffer>) : new Uint32Array(ids));
}

/** What an assignment starts from: a draft, or nothing. A task that does not paint has an empty map that stays empty. */
export async function readBase({ task, draft, image }: Assignment): Promise<Content> {
  const map = await readRaster(FORMS[task].paints ? draft : null, image.height, image.width);
  return { map, values: new Map(Object.entries(draft?.values ?? {})) };
}
