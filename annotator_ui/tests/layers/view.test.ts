import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fit, panBy, scaleBar, shownPart, toImage, toScreen, zoomAt } from "../../src/layers/view";

const size = fc.record({ height: fc.integer({ min: 16, max: 5000 }), width: fc.integer({ min: 16, max: 5000 }) });
const screen = { height: 800, width: 1000 };
const inside = (image: { height: number; width: number }, share: { y: number; x: number }) => ({ y: share.y * image.height, x: share.x * image.width });
const share = fc.record({ y: fc.double({ min: 0.2, max: 0.8, noNaN: true }), x: fc.double({ min: 0.2, max: 0.8, noNaN: true }) });

describe("the view", () => {
  it("fits the whole image on the screen, centred", () => {
    fc.assert(
      fc.property(size, (image) => {
        const view = fit(image, screen);
        const a = toScreen(view, { y: 0, x: 0 });
        const b = toScreen(view, { y: image.height, x: image.width });
        expect(Math.min(a.y, a.x)).toBeGreaterThanOrEqual(-1e-6);
        expect(b.y).toBeLessThanOrEqual(screen.height + 1e-6);
        expect(b.x).toBeLessThanOrEqual(screen.width + 1e-6);
        expect(a.y).toBeCloseTo(screen.height - b.y, 5);
      }),
    );
  });

  it("keeps the image point under the pointer while zooming in", () => {
    fc.assert(
      fc.property(size, share, fc.double({ min: 1, max: 4, noNaN: true }), (image, where, factor) => {
        const view = fit(image, screen);
        const at = toScreen(view, inside(image, where));
        const before = toImage(view, at);
        const after = toImage(zoomAt(view, at, factor, image, screen), at);
        expect(after.y).toBeCloseTo(before.y, 4);
        expect(after.x).toBeCloseTo(before.x, 4);
      }),
    );
  });

  it("never loses the image from the screen's centre", () => {
    fc.assert(
      fc.property(size, fc.integer({ min: -9999, max: 9999 }), fc.integer({ min: -9999, max: 9999 }), (image, dy, dx) => {
        const centre = toImage(panBy(fit(image, screen), dy, dx, image, screen), { y: screen.height / 2, x: screen.width / 2 });
        expect(centre.y).toBeGreaterThanOrEqual(-1e-6);
        expect(centre.y).toBeLessThanOrEqual(image.height + 1e-6);
        expect(centre.x).toBeGreaterThanOrEqual(-1e-6);
        expect(centre.x).toBeLessThanOrEqual(image.width + 1e-6);
      }),
    );
  });

  it("knows which part of the image is on the screen, and says nothing where all of it is", () => {
    fc.assert(
      fc.property(size, share, fc.double({ min: 1.5, max: 12, noNaN: true }), (image, at, factor) => {
        const whole = fit(image, screen);
        expect(shownPart(whole, image, screen)).toBeNull();
        const view = zoomAt(whole, toScreen(whole, inside(image, at)), factor, image, screen);
        const part = shownPart(view, image, screen);
        if (!part) return; // a narrow image may still fit
        expect(part.y0).toBeGreaterThanOrEqual(0);
        expect(part.x1).toBeLessThanOrEqual(image.width);
        for (const corner of [{ y: part.y0, x: part.x0 }, { y: part.y1, x: part.x1 }]) {
          const seen = toScreen(view, corner);
          expect(seen.y).toBeGreaterThan(-1e-6);
          expect(seen.x).toBeGreaterThan(-1e-6);
          expect(seen.y).toBeLessThan(screen.height + 1e-6);
          expect(seen.x).toBeLessThan(screen.width + 1e-6);
        }
      }),
    );
  });

  it("draws a scale bar of a round length that fits", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-4, max: 1e3, noNaN: true }), (unit) => {
        const bar = scaleBar(unit);
        expect(bar.pixels).toBeLessThanOrEqual(110 + 1e-6);
        expect(bar.pixels).toBeGreaterThan(40);
        expect(["1", "2", "5"]).toContain(bar.length.toExponential()[0]);
      }),
    );
  });
});
