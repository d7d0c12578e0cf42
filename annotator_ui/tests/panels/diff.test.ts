import { describe, expect, it } from "vitest";
import type { DiffCell, DiffCells, DiffSummary } from "../../src/api/types";
import { changeLine, diffFigures, factLine, ledger, moveLines, whatChanged } from "../../src/panels/pages/parts/diff-words";

const none: DiffCells = { before: 0, after: 0, removed: 0, added: 0, died: 0, born: 0, split: 0, split_into: 0, merged_from: 0, merged: 0, reshaped: 0, reclassed: 0, same: 0 };
const images = { before: 4, after: 4, added: 0, removed: 0, changed: 0, what: {}, moves: {} };
const summary = (more: Partial<DiffSummary>): DiffSummary => ({ before: "a@1", after: "a@2", task: "instance_segmentation", same: false, images, facts: {}, ...more });
const cell = (more: Partial<DiffCell>): DiffCell => ({ image: "i", name: "n", kind: "born", before: [], after: [], iou: null, area_before: 0, area_after: 0, classes_before: [], classes_after: [], frame: null, picture_url: "", ...more });

describe("what changed, in words", () => {
  it("tells what is not zero, images first, in the task's own words", () => {
    const cells = { ...none, before: 1200, after: 1201, born: 3, died: 2, split: 1, split_into: 3, merged_from: 2, merged: 1 };
    const told = diffFigures(summary({ cells, images: { ...images, changed: 2, what: { labels: 2, split: 1 } } }));
    expect(told.map((figure) => `${figure.value} ${figure.label}${figure.note ? `, ${figure.note}` : ""}`)).toEqual([
      "2 images changed, labels in 2, split in 1",
      "3 cells new",
      "2 cells gone",
      "1 cell split, into 3",
      "2 cells merged, into 1",
    ]);
    expect(diffFigures(summary({ task: "tracking", tracks: { ...none, born: 1 }, links: { added: 0, removed: 4 }, divisions: { born: 0, died: 1, changed: 0 } })).map((f) => f.label)).toEqual([
      "track new",
      "links removed",
      "division gone",
    ]);
    expect(diffFigures(summary({ cells: none }))).toEqual([]);
  });

  it("accounts for every cell", () => {
    const cells = { ...none, before: 12, removed: 3, died: 2, split: 1, split_into: 3, merged_from: 4, merged: 2, born: 1, added: 5, after: 13 };
    expect(ledger(cells, ["cell", "cells"])).toBe("12 cells − 3 in images removed − 2 gone + 2 by splits − 2 by merges + 1 new + 5 in images added = 13");
    expect(ledger({ ...none, before: 1, after: 1 }, ["cell", "cells"])).toBe("");
  });

  it("says of a cell what its picture shows", () => {
    expect(changeLine(cell({ kind: "split", before: [1], after: [2, 3], iou: 0.5 }))).toBe("1 → 2 · IoU 0.50");
    expect(changeLine(cell({ kind: "merged", before: [1, 2, 3], after: [2], iou: 0.6 }))).toBe("3 → 1 · IoU 0.60");
    expect(changeLine(cell({ kind: "merged", before: [1, 2], after: [2], iou: 0.6, frame: 3 }))).toBe("2 → 1 track · IoU 0.60 · frame 4");
    expect(changeLine(cell({ kind: "died", area_before: 1 }))).toBe("1 pixel");
    expect(changeLine(cell({ kind: "reclassed", iou: 1, classes_before: ["live"], classes_after: [] }))).toBe("live → unknown");
    expect(changeLine(cell({ kind: "repainted", area_after: 2000, classes_before: ["a"], classes_after: ["b"] }))).toBe("a → b · 2,000 pixels");
    expect(changeLine(cell({ kind: "reshaped", iou: 0.25, frame: 0 }))).toBe("IoU 0.25 · frame 1");
  });

  it("tells moves and facts", () => {
    expect(moveLines({ "train -> test": 1, "test -> train": 2 })).toEqual(["test → train: 2 images", "train → test: 1 image"]);
    expect(whatChanged({ split: 1, labels: 3 })).toBe("labels in 3, split in 1");
    expect(factLine("title", ["A", "B"])).toBe("title: A → B");
    expect(factLine("ontology", [{}, {}])).toBe("ontology changed");
  });
});
