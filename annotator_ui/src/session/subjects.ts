/** What is to be classified: the given cells or boxes of an image, or the image itself. */

import { Problem } from "../api/problem";
import type { Given } from "../api/types";
import { Pyramid } from "../api/zarr";
import { boxesOf } from "../labels/boxes";
import { LabelMap } from "../labels/label-map";
import type { Rect } from "../labels/rect";

/** The subject that is the whole image. */
export const WHOLE = "0";

export interface Subject {
  /** "1" to "n", as values name it. */
  readonly key: string;
  readonly box: Rect;
}

export interface Subjects {
  readonly list: readonly Subject[];
  readonly byKey: ReadonlyMap<string, Subject>;
  /** The cells' raster; null where boxes are given. */
  readonly cells: LabelMap | null;
}

/** Where classes are asked of parts of the image: what is given for it. */
export function givenSubjects(given: readonly Given[]): Given | null {
  return given.find(({ kind }) => kind === "cells" || kind === "boxes") ?? null;
}

function gather(list: Subject[], cells: LabelMap | null): Subjects {
  list.sort((a, b) => Number(a.key) - Number(b.key));
  return { list, byKey: new Map(list.map((subject) => [subject.key, subject])), cells };
}

/** @throws Problem where what is given cannot be read or does not fit the image. */
export async function readSubjects(given: Given, height: number, width: number): Promise<Subjects> {
  if (given.kind === "boxes") {
    const boxes = Object.entries(given.values ?? {}).map(([key, value]): Subject => {
      const [y0, x0, y1, x1] = value as unknown as [number, number, number, number];
      return { key, box: { y0, x0, y1, x1 } };
    });
    return gather(boxes, null);
  }
  const planes = await (await Pyramid.open(given.zarr_url ?? "")).read(0);
  if (planes.height !== height || planes.width !== width)
    throw new Problem(-1, {
      title: "The cells do not fit the image",
      detail: `The cells are ${planes.height} x ${planes.width}, the image ${height} x ${width}.`,
      remedy: "Give the image back and tell a curator.",
    });
  const cells = new LabelMap(height, width, new Uint32Array(planes.channels[0]!));
  return gather([...boxesOf(cells)].map(([id, box]) => ({ key: String(id), box })), cells);
}

/** The subject at a point: its cell, or the smallest box that holds it. */
export function subjectAt({ list, cells }: Subjects, y: number, x: number): string | null {
  if (cells) return String(cells.at(Math.floor(y), Math.floor(x)) || "") || null;
  const area = ({ box }: Subject) => (box.y1 - box.y0) * (box.x1 - box.x0);
  const holding = list.filter(({ box }) => y >= box.y0 && y < box.y1 && x >= box.x0 && x < box.x1);
  return holding.sort((a, b) => area(a) - area(b))[0]?.key ?? null;
}
