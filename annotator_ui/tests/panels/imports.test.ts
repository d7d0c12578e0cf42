/** The words and filters of an import's report, and what the upload page offers. */

import { beforeAll, describe, expect, it, vi } from "vitest";
import type { ArchiveImport } from "../../src/api/types";
import { ended, going, OUTCOMES, outcomeCounts, outcomeOf, reasonChoices } from "../../src/panels/pages/parts/import-words";

const none = { imported: 0, already_there: 0, refused: 0, left_out: 0 };

describe("counts of what became of the files", () => {
  it("names every outcome once", () => {
    expect(new Set(OUTCOMES.map(({ title }) => title)).size).toBe(4);
    expect(outcomeOf("refused").tone).toBe("bad");
  });

  it("counts all first and leaves out what did not happen", () => {
    expect(outcomeCounts({ ...none, imported: 9, refused: 3 })).toEqual([
      { name: "", title: "All", count: 12 },
      { name: "imported", title: "Came in", count: 9 },
      { name: "refused", title: "Refused", count: 3 },
    ]);
    expect(outcomeCounts(none)).toEqual([{ name: "", title: "All", count: 0 }]);
  });
});

describe("reasons to filter by", () => {
  const reasons: ArchiveImport["reasons"] = [
    { outcome: "left_out", kind: "not an image", count: 5000 },
    { outcome: "refused", kind: "The file cannot be read", count: 2 },
    { outcome: "refused", kind: "Image and labels differ in shape", count: 7 },
    { outcome: "refused", kind: "", count: 1 },
  ];

  it("lists the most frequent first", () => {
    expect(reasonChoices(reasons, "").map(({ kind }) => kind)).toEqual(["not an image", "Image and labels differ in shape", "The file cannot be read"]);
    expect(reasonChoices(reasons, "refused").map(({ count }) => count)).toEqual([7, 2]);
  });

  it("offers no choice where there is one reason", () => {
    expect(reasonChoices(reasons, "left_out")).toEqual([]);
    expect(reasonChoices([], "")).toEqual([]);
  });
});

describe("reasons as they stand", () => {
  it("end with a full stop and keep the small letter of a file's name", () => {
    expect(["n3/m.png: too small", "Cut off.", ""].map(ended)).toEqual(["n3/m.png: too small.", "Cut off.", ""]);
  });
});

describe("an import goes on", () => {
  it("until it has ended, or asks", () => {
    const states = ["waiting", "running", "asking", "finished", "failed"] as const;
    expect(states.filter((state) => going({ state }))).toEqual(["waiting", "running"]);
  });
});

describe("the upload page", () => {
  let page: typeof import("../../src/panels/pages/dataset-uploads");
  beforeAll(async () => {
    vi.stubGlobal("window", { location: { pathname: "/", search: "" }, addEventListener: () => undefined });
    page = await import("../../src/panels/pages/dataset-uploads");
  });

  it("offers every ending of every format that the hub reads", () => {
    const formats = [
      { name: "TIFF", extensions: [".tif", ".tiff"] },
      { name: "CZI", extensions: [".czi"] },
    ];
    expect(page.endingsOf(formats)).toBe(".tif,.tiff,.czi");
    expect(page.endingsOf([])).toBe("");
  });

  it("names them as people do", () => {
    expect(page.either(["TIFF"])).toBe("TIFF");
    expect(page.either(["TIFF", "PNG", "CZI"])).toBe("TIFF, PNG or CZI");
  });
});
