import { describe, expect, it } from "vitest";
import { halvings } from "../../src/layers/halving";

describe("halving an image", () => {
  it("has the sizes WebGL gives its mipmaps, down to a side of about 256", () => {
    const sizes = halvings(2049, 1030).map(({ height, width }) => [height, width]);
    expect(sizes).toEqual([[2049, 1030], [1024, 515], [512, 257]]);
    expect(halvings(300, 5000)).toHaveLength(1);
  });

  it("keeps the mean and never overflows", () => {
    const plane = Uint16Array.from({ length: 600 * 513 }, (_, i) => (i % 2 ? 65535 : 65533));
    const [, level] = halvings(600, 513);
    const half = level!.from!(plane);
    expect(half).toHaveLength(300 * 256);
    expect(half.every((value) => value === 65534)).toBe(true);
  });
});
