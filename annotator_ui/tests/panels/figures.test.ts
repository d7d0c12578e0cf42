import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { axisTo, niceScale, pathOf, place, thinned } from "../../src/panels/pages/parts/curve";
import { ago, bytes, clock, duration, measure, outcome, percent, percents, sentence, slugOf } from "../../src/panels/pages/parts/figures";

describe("progress", () => {
  it("says 100 % only when all is there and 0 % only when nothing is", () => {
    expect(percent(1999, 2000)).toBe(99);
    expect(percent(1, 2000)).toBe(1);
    expect(percent(2000, 2000)).toBe(100);
    expect(percent(0, 0)).toBe(0);
    expect(percent(7, 5)).toBe(100);
  });

  it("shares add up to 100, each within 1 of the exact one", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10_000), { minLength: 1, maxLength: 8 }), (parts) => {
        const whole = parts.reduce((sum, part) => sum + part, 0);
        const shares = percents(parts);
        expect(shares.reduce((sum, part) => sum + part, 0)).toBe(whole === 0 ? 0 : 100);
        if (whole) parts.forEach((part, i) => expect(Math.abs(shares[i]! - (part / whole) * 100)).toBeLessThan(1));
      }),
    );
  });

  it("counts what waits", () => {
    const progress = { items: 10, readings_needed: 30, readings_done: 18, settled: 4, disputed: 1 };
    expect(outcome(progress)).toEqual({ settled: 4, disputed: 1, waiting: 5 });
  });
});

describe("words for numbers", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [1_635_950, "1.6 MB"],
    [34_400_000, "34.4 MB"],
    [999_950_000, "1 GB"],
  ])("%d bytes are %s", (value, text) => expect(bytes(value)).toBe(text));

  it.each([
    [8, "8 s", "0:08"],
    [60, "1 min", "1:00"],
    [96, "1 min 36 s", "1:36"],
    [3600, "1 h", "1:00:00"],
    [7500, "2 h 5 min", "2:05:00"],
  ])("%d seconds", (value, words, digits) => expect([duration(value), clock(value)]).toEqual([words, digits]));

  it("shows measures with three decimals, counts whole, and what is no number as a dash", () => {
    expect([0.75, 1, 332, null, "x", NaN].map(measure)).toEqual(["0.750", "1.000", "332", "–", "–", "–"]);
  });

  it("makes sentences and slugs", () => {
    expect(sentence("the TIFF is truncated")).toBe("The TIFF is truncated.");
    expect(sentence("Why?")).toBe("Why?");
    expect(slugOf("Zellkerne Köln, 2018 (rev. 2)!")).toBe("zellkerne-koln-2018-rev-2");
    fc.assert(
      fc.property(fc.string(), (title) => {
        expect(slugOf(title)).toMatch(/^$|^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/);
      }),
    );
  });

  it("tells how long ago", () => {
    const now = Date.parse("2026-11-20T12:00:00Z");
    expect(ago("2026-11-20T11:59:50Z", now)).toBe("just now");
    expect(ago("2026-11-20T11:55:00Z", now)).toBe("5 min ago");
    expect(ago("2026-11-20T09:00:00Z", now)).toBe("3 h ago");
  });
});

describe("curves", () => {
  it("scales hold their values between round ticks", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
        const scale = niceScale(values);
        const hair = 1e-6 * (scale.high - scale.low); // far less than a pixel
        expect(scale.low).toBeLessThanOrEqual(Math.min(...values) + hair);
        expect(scale.high).toBeGreaterThanOrEqual(Math.max(...values) - hair);
        expect(scale.high).toBeGreaterThan(scale.low);
        expect(scale.ticks.length).toBeGreaterThanOrEqual(2);
        expect(scale.ticks.length).toBeLessThanOrEqual(8);
      }),
    );
    expect(niceScale([0, 2.7]).ticks).toEqual([0, 1, 2, 3]);
    expect(niceScale([]).ticks).toEqual([0, 0.5, 1]);
  });

  it("axes end where the data end, with steps of a clock for seconds", () => {
    expect(axisTo(600, true)).toEqual({ low: 0, high: 600, ticks: [0, 120, 240, 360, 480, 600] });
    expect(axisTo(96, true).ticks).toEqual([0, 30, 60, 90]);
    expect(axisTo(1146, false).ticks).toEqual([0, 500, 1000]);
    expect(axisTo(0, true).high).toBe(1);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e8, noNaN: true }), fc.boolean(), (end, seconds) => {
        const { ticks, high } = axisTo(end, seconds);
        expect(ticks.length).toBeLessThanOrEqual(6);
        expect(ticks.at(-1)).toBeLessThanOrEqual(high * (1 + 1e-6));
      }),
    );
  });

  it("draws gaps where a value is missing", () => {
    expect(pathOf([{ x: 0, y: 1 }, { x: 1, y: NaN }, { x: 2, y: 3 }, { x: 3, y: 4 }])).toBe("M0.0 1.0M2.0 3.0L3.0 4.0");
    expect(place(5, { low: 0, high: 10, ticks: [] }, 100, 200)).toBe(150);
  });

  it("thins a long run to its means, in order", () => {
    const points = Array.from({ length: 1000 }, (_, i) => ({ x: i, y: i % 2 }));
    const few = thinned(points, 10);
    expect(few).toHaveLength(10);
    expect(few.map((point) => point.y)).toEqual(Array(10).fill(0.5));
    expect(few.every((point, i) => i === 0 || point.x > few[i - 1]!.x)).toBe(true);
  });
});
