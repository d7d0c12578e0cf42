import { signal } from "@preact/signals";
import { describe, expect, it } from "vitest";
import { overviewOf } from "../../src/session/overview";
import type { Channel, PictureLevel } from "../../src/session/picture";

function channel(values: Uint16Array<ArrayBuffer>, colour: string, visible = true): Channel {
  const display = signal({ visible, colour, low: 0, high: 1000, gamma: 1 });
  return { name: colour, display, range: { low: 0, high: 1000 }, histogram: new Uint32Array(1), values, texels: values };
}

function level(...channels: Channel[]): PictureLevel {
  return { height: 30, width: 50, channels, full: true };
}

const ramp = Uint16Array.from({ length: 1500 }, (_, i) => (i % 50) * 20);

describe("the overview", () => {
  it("has every n-th pixel, no side longer than asked", () => {
    const { height, width, rgba } = overviewOf(level(channel(ramp, "#ffffff")), 25);
    expect([height, width, rgba.length]).toEqual([15, 25, 15 * 25 * 4]);
    for (let x = 0; x < 25; x++) expect(rgba[(7 * 25 + x) * 4]).toBeCloseTo((2 * x * 20 * 255) / 1000, -0.5);
  });

  it("is as it is where it is small enough", () => {
    expect(overviewOf(level(channel(ramp, "#ffffff")), 50)).toMatchObject({ height: 30, width: 50 });
  });

  it("adds up what is visible, and turns it round where the image is", () => {
    const flat = new Uint16Array(1500).fill(1000);
    const shown = level(channel(flat, "#ff0000"), channel(flat, "#00ff00", false));
    expect([...overviewOf(shown, 10).rgba.slice(0, 4)]).toEqual([255, 0, 0, 255]);
    expect([...overviewOf(shown, 10, true).rgba.slice(0, 4)]).toEqual([0, 255, 255, 255]);
  });
});
