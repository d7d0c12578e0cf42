import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { autoContrast, BINS, histogram, rangeOf, texelOf, toTexels } from "../../src/session/intensities";

const floats = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), { minLength: 1, maxLength: 300 });

describe("intensities for the screen", () => {
  it("keep 8- and 16-bit values as they are", () => {
    expect([...toTexels(Uint8Array.of(0, 7, 255), { low: 0, high: 255 })]).toEqual([0, 7, 255]);
    expect([...toTexels(Uint16Array.of(0, 4095, 65535), { low: 0, high: 65535 })]).toEqual([0, 4095, 65535]);
    expect(rangeOf(Uint8Array.of(3, 9))).toEqual({ low: 0, high: 255 });
  });

  it("spread other types over 16 bits, and count every pixel once", () => {
    fc.assert(
      fc.property(floats, (values) => {
        const plane = Float32Array.from(values);
        const range = rangeOf(plane);
        const texels = toTexels(plane, range);
        values.forEach((_, i) => expect(Math.abs(texels[i]! - texelOf(plane, range, plane[i]!))).toBeLessThan(1.01));
        expect(histogram(plane, range).reduce((a, b) => a + b, 0)).toBe(values.length);
      }),
    );
  });

  it("choose a contrast inside the values, wider than nothing", () => {
    fc.assert(
      fc.property(floats, (values) => {
        const { low, high } = autoContrast(Float32Array.from(values));
        expect(high).toBeGreaterThan(low);
        expect(low).toBeGreaterThanOrEqual(Math.fround(Math.min(...values)));
      }),
    );
    expect(histogram(new Uint16Array(10), { low: 0, high: 1 })).toHaveLength(BINS);
  });
});
