import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deflate, pixelBytes, toBase64 } from "../../src/labels/encoding";
import { outlines } from "../../src/labels/outlines";
import { compose, cut, nearby, surround } from "../../src/session/crop";
import { decodeLabels, undisputed } from "../../src/session/disagreements";

describe("options", () => {
  it("decode to what was encoded", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), async (height, width, cell) => {
        const labels = Uint32Array.from({ length: height * width }, (_, i) => (i % 3 ? cell : 0));
        expect(await decodeLabels(toBase64(await deflate(pixelBytes(labels))), height, width)).toEqual(labels);
      }),
      { numRuns: 30 },
    );
  });

  it("refuse another box and what is no deflate stream, with a remedy", async () => {
    const text = toBase64(await deflate(pixelBytes(new Uint32Array(6))));
    await expect(decodeLabels(text, 2, 4)).rejects.toMatchObject({ code: "unreadable-labels" });
    await expect(decodeLabels("AAECAw==", 1, 1)).rejects.toMatchObject({ code: "unreadable-labels" });
    await expect(decodeLabels("§", 1, 1)).rejects.toHaveProperty("remedy", expect.stringContaining("Reload"));
  });
});

describe("the place around", () => {
  it("holds the box and stays within the image", () => {
    const side = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(side, side, fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), side, side, (height, width, fy, fx, h, w) => {
        const [rows, columns] = [Math.min(h, height), Math.min(w, width)];
        const [y0, x0] = [Math.floor(fy * (height - rows)), Math.floor(fx * (width - columns))];
        const box = { y0, x0, y1: y0 + rows, x1: x0 + columns };
        const crop = surround(box, height, width);
        expect(crop.y0).toBeGreaterThanOrEqual(0);
        expect(crop.x1).toBeLessThanOrEqual(width);
        expect(crop.y0 <= box.y0 && crop.x0 <= box.x0 && crop.y1 >= box.y1 && crop.x1 >= box.x1 && crop.y1 <= height && crop.x0 >= 0).toBe(true);
      }),
    );
    expect(surround({ y0: 100, x0: 100, y1: 110, x1: 130 }, 500, 500)).toEqual({ y0: 66, x0: 76, y1: 144, x1: 154 });
  });

  it("keeps the shape of a box that holds all that matters, within the image", () => {
    expect(nearby({ y0: 0, x0: 338, y1: 97, x1: 718 }, 800, 750)).toEqual({ y0: 0, x0: 262, y1: 173, x1: 750 });
    expect(nearby({ y0: 50, x0: 50, y1: 60, x1: 60 }, 500, 500)).toEqual({ y0: 26, x0: 26, y1: 84, x1: 84 });
  });

  it("cuts ids out of their plane", () => {
    expect([...cut([1, 2, 3, 4, 5, 6], 3, { y0: 0, x0: 1, y1: 2, x1: 3 })]).toEqual([2, 3, 5, 6]);
  });

  it("leaves out the cells that are disputed", () => {
    // 4 x 4: cell 1 above left, cell 2 below right; the option's cell overlaps 2.
    const plane = Uint32Array.from([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 2, 2, 0, 0, 2, 2]);
    const all = { y0: 0, x0: 0, y1: 4, x1: 4 };
    const box = { y0: 2, x0: 2, y1: 4, x1: 4 };
    const left = undisputed(plane, 4, all, box, [{ labels: Uint32Array.from([9, 0, 0, 0]) }]);
    expect([...left]).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("adds channels up in their colours within their windows", () => {
    const red = { values: Uint16Array.from([0, 100, 200, 400]), colour: "#ff0000", low: 100, high: 300, gamma: 1 };
    const green = { values: Uint16Array.from([300, 300, 0, 0]), colour: "#00ff00", low: 100, high: 300, gamma: 1 };
    const rgba = compose([red, green], 2, { y0: 0, x0: 0, y1: 2, x1: 2 });
    expect([...rgba]).toEqual([0, 255, 0, 255, 0, 255, 0, 255, 128, 0, 0, 255, 255, 0, 0, 255]);
  });
});

describe("outlines", () => {
  const lengths = (sides: ReturnType<typeof outlines>, cell: number) =>
    sides.filter((side) => side.cell === cell).reduce((sum, side) => sum + side.y1 - side.y0 + side.x1 - side.x0, 0);

  it("a square has four sides, joined", () => {
    const labels = Uint32Array.from([0, 0, 0, 0, 0, 7, 7, 0, 0, 7, 7, 0, 0, 0, 0, 0]);
    const sides = outlines(labels, 4, 4);
    expect(sides).toHaveLength(4);
    expect(sides).toContainEqual({ y0: 1, x0: 1, y1: 1, x1: 3, cell: 7 });
  });

  it("cells that touch have a side each, and the border closes a cell", () => {
    const sides = outlines(Uint32Array.from([1, 2]), 1, 2);
    expect([lengths(sides, 1), lengths(sides, 2)]).toEqual([4, 4]);
  });

  it("have each cell's perimeter, whatever the map", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(3), { minLength: 1, maxLength: 64 }), (width, values) => {
        const height = Math.ceil(values.length / width);
        const at = (y: number, x: number) => (y < 0 || x < 0 || y >= height || x >= width ? 0 : (values[y * width + x] ?? 0));
        const map = Uint32Array.from({ length: height * width }, (_, i) => values[i] ?? 0);
        const sides = outlines(map, height, width);
        for (const cell of [1, 2, 3]) {
          let perimeter = 0;
          for (let y = 0; y < height; y++)
            for (let x = 0; x < width; x++)
              if (at(y, x) === cell) for (const [dy, dx] of [[0, 1], [1, 0], [0, -1], [-1, 0]] as const) if (at(y + dy, x + dx) !== cell) perimeter++;
          expect(lengths(sides, cell)).toBe(perimeter);
        }
      }),
    );
  });
});
