import { describe, expect, it } from "vitest";
import type { ReleaseFile, ReleaseSummary } from "../../src/api/types";
import { methodWords } from "../../src/panels/pages/parts/method-words";
import { countsSince, downloadCommand, duckdbLine, fingerprint, levelOf, licenceUrl, loadingLines, pandasLine, splitSentences, tablesOf } from "../../src/panels/pages/parts/release-words";

const HUB = "https://hub.example.org";
const release = { reference: "lab/nuclei@1.2.0", dataset: "lab/nuclei", version: "1.2.0", task: "instance_segmentation" } as const;
const file = (path: string, rows: number | null = 1): ReleaseFile => ({ path, sha256: "0".repeat(64), bytes: 10, rows, url: `/files/${path}` });
const row = (more: Partial<ReleaseSummary>): ReleaseSummary =>
  ({ counts: { images: 4, cells: 12, readings: 8, tracks: 0, divisions: 0 }, parent: null, delta_bytes: null, withdrawn: null, ...more }) as ReleaseSummary;

describe("how to get a release", () => {
  it("loads in five lines, in the words of its task", () => {
    for (const task of ["instance_segmentation", "semantic_segmentation", "classification", "tracking", "augmented"] as const) {
      const lines = loadingLines({ ...release, task }, HUB).split("\n");
      expect(lines.length).toBeLessThanOrEqual(5);
      expect(lines[1]).toBe(`release = cellcommons.open("lab/nuclei@1.2.0", hub="${HUB}")`);
    }
    expect(loadingLines({ ...release, task: "tracking" }, HUB)).toContain("release.movie(item)");
  });

  it("asks for the key that signed it, and names a folder without a slash", () => {
    expect(downloadCommand(release, HUB)).toBe(`cellcommons download lab/nuclei@1.2.0 nuclei-1.2.0 --hub ${HUB}`);
    expect(downloadCommand(release, HUB, "ab")).toBe(`cellcommons download lab/nuclei@1.2.0 nuclei-1.2.0 --hub ${HUB} --key ab`);
  });

  it("gives each table one line, however many parts it lies in", () => {
    const tables = tablesOf([file("README.md", null), file("indexes/cells.parquet", 7), file("indexes/images/00.parquet", 2), file("indexes/images/01.parquet", 3), file("data/train-00000-of-00001.parquet", null)]);
    expect(tables.map(({ name, rows, bytes, urls }) => [name, rows, bytes, urls.length])).toEqual([
      ["cells", 7, 10, 1],
      ["images", 5, 20, 2],
    ]);
    expect(pandasLine(tables[0]!, HUB)).toBe(`cells = pandas.read_parquet("${HUB}/files/indexes/cells.parquet")`);
    expect(duckdbLine(tables[0]!, HUB)).toBe(`SELECT * FROM read_parquet('${HUB}/files/indexes/cells.parquet') LIMIT 10;`);
    expect(pandasLine(tables[1]!, HUB)).toContain("pandas.concat(map(pandas.read_parquet, [");
    expect(duckdbLine(tables[1]!, HUB)).toContain("read_parquet(['https://hub.example.org/files/indexes/images/00.parquet', 'https://");
  });
});

describe("what a release is", () => {
  it("links the licences that SPDX lists", () => {
    expect(licenceUrl("CC-BY-4.0")).toBe("https://spdx.org/licenses/CC-BY-4.0.html");
    expect(licenceUrl("LicenseRef-ours")).toBeNull();
    expect(licenceUrl("")).toBeNull();
  });

  it("shows a key in groups that people can compare", () => {
    expect(fingerprint("eb66effc47083b313f94fea21ea0131a51129ae1c50c670c3df8a726a5e20160")).toBe("eb66 effc 4708 3b31 3f94 fea2 1ea0 131a");
  });

  it("says with numbers how the split keeps test apart", () => {
    const told = splitSentences({ sources: 4, components: 3, pairs: { overlap: 1, "near-identical": 2, adjoining: 0 }, largest_component: 2, free: ["c", "d"], moved_to_test: { a: "test" } });
    expect(told[0]).toBe("4 sources (donor, line, slide or experiment) and 3 pairs of images that show one field (1 overlapping, 2 near-identical) form 3 components, the largest placed here of 2 images. Each component lies in one split.");
    expect(told[1]).toContain("2 sources kept the split");
    expect(told[2]).toContain("1 source moved to test");
    expect(splitSentences({ sources: 1, components: 1, moved_to_test: {} })).toHaveLength(1);
    expect(splitSentences({ format: "another" })).toEqual([]);
  });

  it("reads the level off the numbers", () => {
    expect(levelOf("1.0.0", null)).toBeNull();
    expect(levelOf("2.0.0", "nuclei@1.4.1")).toBe("major");
    expect(levelOf("1.5.0", "lab/nuclei@1.4.1")).toBe("minor");
    expect(levelOf("1.4.2", "nuclei@1.4.1")).toBe("patch");
  });

  it("counts what moved since the release before", () => {
    const before = row({ reference: "n@1.0.0" });
    const after = row({ parent: "n@1.0.0", delta_bytes: 1200, counts: { images: 5, cells: 2, readings: 9, tracks: 0, divisions: 0 } });
    expect(countsSince(after, before, ["cell", "cells"])).toBe("+1 image, −10 cells, 1.2 kB that n@1.0.0 lacks");
    expect(countsSince(row({}), row({}), ["cell", "cells"])).toBe("");
  });

  it("says how readings were fused", () => {
    expect(methodWords("vote+adjudication")).toBe("vote; an expert decided what was open");
    expect(methodWords("something-new")).toBe("something-new");
  });
});
