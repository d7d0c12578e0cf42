import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillEnclosed, fillRegion } from "../../src/labels/fill";
import { LabelMap } from "../../src/labels/label-map";
import { rasterizeCapsule } from "../../src/labels/raster";
import { Stroke } from "../../src/labels/stroke";

const SIDE = 60;
const coordinate = fc.double({ min: -10, max: SIDE + 10, noNaN: true });

describe("rasterising a stroke", () => {
  it("covers exactly the pixels whose centres are within the radius of the segment", () => {
    fc.assert(
      fc.property(coordinate, coordinate, coordinate, coordinate, fc.double({ min: 1, max: 15, noNaN: true }), (ay, ax, by, bx, r) => {
        const covered = new Set<number>();
        rasterizeCapsule({ y: ay, x: ax }, { y: by, x: bx }, r, SIDE, SIDE, (y, x0, x1) => {
          for (let x = x0; x < x1; x++) covered.add(y * SIDE + x);
        });
        for (let y = 0; y < SIDE; y++)
          for (let x = 0; x < SIDE; x++) {
            const py = y + 0.5;
            const px = x + 0.5;
            const l2 = (by - ay) ** 2 + (bx - ax) ** 2;
            const t = l2 === 0 ? 0 : Math.min(1, Math.max(0, ((py - ay) * (by - ay) + (px - ax) * (bx - ax)) / l2));
            const distance = Math.hypot(py - ay - t * (by - ay), px - ax - t * (bx - ax));
            if (Math.abs(distance - r) < 1e-6) continue; // on the rim, rounding decides
            expect(covered.has(y * SIDE + x)).toBe(distance < r);
          }
      }),
      { numRuns: 60 },
    );
  });

  it("never skips a row or column with a one-pixel brush", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: SIDE - 0.01, noNaN: true }), fc.double({ min: 0, max: SIDE - 0.01, noNaN: true }), (y, x) => {
        const rows = new Set<number>();
        const columns = new Set<number>();
        rasterizeCapsule({ y: 30, x: 30 }, { y, x }, 0.5, SIDE, SIDE, (row, x0, x1) => {
          rows.add(row);
          for (let c = x0; c < x1; c++) columns.add(c);
        });
        const steps = Math.max(Math.abs(Math.floor(y) - 30), Math.abs(Math.floor(x) - 30));
        expect(Math.max(rows.size, columns.size)).toBeGreaterThanOrEqual(steps + 1);
      }),
    );
  });
});

describe("fills", () => {
  function ring(map: LabelMap, id: number): Stroke {
    const stroke = new Stroke(map);
    const around = Array.from({ length: 41 }, (_, i) => ({ y: 30 + 15 * Math.sin((i / 40) * 2 * Math.PI), x: 30 + 15 * Math.cos((i / 40) * 2 * Math.PI) }));
    around.slice(1).forEach((to, i) => stroke.paintCapsule(around[i]!, to, 0.5, id, { kind: "background" }));
    return stroke;
  }

  it("fills what a stroke circles, and spares a cell inside", () => {
    const map = new LabelMap(SIDE, SIDE);
    map.set(30 * SIDE + 30, 9);
    const stroke = ring(map, 2);
    fillEnclosed(stroke, 2, stroke.box!, { kind: "background" });
    expect(map.at(30, 30)).toBe(9);
    expect(map.at(22, 30)).toBe(2);
    expect(map.at(2, 2)).toBe(0);
    expect(map.area(2)).toBeGreaterThan(Math.PI * 14 ** 2);
    expect(map.area(2)).toBeLessThan(Math.PI * 17 ** 2);
  });

  it("does not fill an open arc", () => {
    const map = new LabelMap(SIDE, SIDE);
    const stroke = new Stroke(map);
    stroke.paintCapsule({ y: 10, x: 10 }, { y: 40, x: 10 }, 1, 1, { kind: "background" });
    stroke.paintCapsule({ y: 40, x: 10 }, { y: 40, x: 40 }, 1, 1, { kind: "background" });
    expect(fillEnclosed(stroke, 1, stroke.box!, { kind: "background" })).toBe(0);
  });

  it("fills a connected region and no further", () => {
    const map = new LabelMap(SIDE, SIDE);
    const stroke = ring(map, 1);
    const before = map.area(1);
    const written = fillRegion(stroke, 30, 30, 5);
    expect(map.area(5)).toBe(written);
    expect(map.area(1)).toBe(before);
    expect(map.at(0, 0)).toBe(0);
    expect(fillRegion(stroke, 30, 30, 5)).toBe(0);
  });
});
