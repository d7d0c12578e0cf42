import { describe, expect, it } from "vitest";
import { becomesVisible, isOpened } from "../../src/panels/pages/parts/visibility-words";

describe("what it means to show a lab's own dataset", () => {
  it("counts what comes into sight, and leaves out what there is none of", () => {
    expect(becomesVisible({ images: 12, campaigns: 2, models: 1 })).toContain("with its 12 images, 2 campaigns and 1 model;");
    expect(becomesVisible({ images: 1, campaigns: 0, models: 0 })).toContain("with its 1 image;");
    expect(becomesVisible({ images: 3, campaigns: 1, models: 0 })).toContain("with its 3 images and 1 campaign;");
  });

  it("says of one release and of several that anybody reads them", () => {
    expect(isOpened(1)).toContain("this release from then on, under the licence that it states");
    expect(isOpened(2)).toContain("these 2 releases from then on, under the licence that each states");
  });
});
