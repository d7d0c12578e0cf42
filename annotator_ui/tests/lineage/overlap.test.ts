import { describe, expect, it } from "vitest";
import { measureFrame } from "../../src/lineage/cells";
import { follow } from "../../src/lineage/overlap";

const WIDTH = 12;
const HEIGHT = 6;

/** Rectangles id -> y0, x0, y1, x1. */
function draw(cells: Record<number, readonly [number, number, number, number]>): { data: Uint32Array; width: number } {
  const data = new Uint32Array(WIDTH * HEIGHT);
  for (const [id, [y0, x0, y1, x1]] of Object.entries(cells)) for (let y = y0; y < y1; y++) data.fill(Number(id), y * WIDTH + x0, y * WIDTH + x1);
  return { data, width: WIDTH };
}

function step(before: Parameters<typeof draw>[0], after: Parameters<typeof draw>[0], taken: number[] = []) {
  const here = draw(before);
  const next = draw(after);
  const cell = measureFrame(0, here.data, HEIGHT, WIDTH).find(({ id }) => id === 1)!;
  const cells = measureFrame(1, next.data, HEIGHT, WIDTH);
  const found = follow(cell, here, next, (id) => cells.find((each) => each.id === id), ({ id }) => taken.includes(id));
  return "cell" in found ? found.cell.key : found.doubt;
}

describe("following by overlap", () => {
  it("goes on as the cell that lies under it", () => {
    expect(step({ 1: [1, 1, 5, 5] }, { 7: [1, 2, 5, 6], 2: [1, 8, 5, 12] })).toBe("1:7");
    expect(step({ 1: [1, 1, 5, 5], 2: [1, 5, 5, 9] }, { 3: [1, 2, 5, 6], 4: [1, 6, 5, 10] })).toBe("1:3");
  });

  it("stops where nothing lies under it, or too little", () => {
    expect(step({ 1: [1, 1, 5, 5] }, { 2: [1, 8, 5, 12] })).toMatch(/nothing/);
    expect(step({ 1: [1, 1, 5, 5] }, { 2: [1, 4, 5, 8] })).toMatch(/too small/);
    expect(step({ 1: [1, 1, 3, 3] }, { 2: [0, 0, 6, 8] })).toMatch(/too small/);
  });

  it("stops where it may divide, where two run into one, and where the next has a parent", () => {
    expect(step({ 1: [1, 1, 5, 9] }, { 2: [1, 1, 5, 5], 3: [1, 5, 5, 9] })).toMatch(/divide/);
    expect(step({ 1: [1, 1, 5, 4], 2: [1, 4, 5, 10] }, { 3: [1, 1, 5, 10] })).toMatch(/another/);
    expect(step({ 1: [1, 1, 5, 5] }, { 2: [1, 1, 5, 5] }, [2])).toMatch(/parent/);
  });
});
