import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LARGE, LayeredMap } from "../../src/labels/layered-map";
import { applyChanges, canonicalJson, changesTo, invertChanges, type Values } from "../../src/labels/values";

describe("a map in layers", () => {
  const entry = fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f"), fc.option(fc.integer({ min: 0, max: 3 }), { nil: null }));

  it("says what a copied map would say, and leaves the one before alone", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: 3 })), fc.array(fc.array(entry)), (start, edits) => {
        let plain = new Map(Object.entries(start));
        let layered: ReadonlyMap<string, number> = plain;
        for (const edit of edits) {
          const before = [...layered].sort();
          const next = new Map(plain);
          for (const [key, value] of edit) value === null ? next.delete(key) : next.set(key, value);
          const after = LayeredMap.with(layered, edit);
          expect([...layered].sort()).toEqual(before);
          expect(new Set(LayeredMap.changed(layered, after))).toEqual(new Set([..."abcdef"].filter((key) => plain.get(key) !== next.get(key))));
          [plain, layered] = [next, after];
          expect(new Map(layered)).toEqual(plain);
          expect([layered.size, new Set(layered.keys()), [...layered.values()].sort()]).toEqual([plain.size, new Set(plain.keys()), [...plain.values()].sort()]);
          for (const key of "abcdefg") expect([layered.get(key), layered.has(key)]).toEqual([plain.get(key), plain.has(key)]);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("cannot tell at a glance how maps of different origin differ", () => {
    expect(LayeredMap.changed(new Map([["a", 1]]), new Map([["a", 1]]))).toBeNull();
  });

  it("holds the answers of a long movie: changed, taken back, and hashed as any other", () => {
    const values: Values = new Map(Array.from({ length: LARGE + 5 }, (_, i) => [`1:${i + 1}`, `0:${i + 1}`]));
    const changes = changesTo(values, { "1:3": null, "1:9": "0:4", "9:9": "8:8" });
    const after = applyChanges(values, changes);
    expect(after).toBeInstanceOf(LayeredMap);
    expect([after.size, after.get("1:3"), after.get("1:9"), after.get("9:9")]).toEqual([values.size, undefined, "0:4", "8:8"]);
    expect(canonicalJson(after)).toBe(canonicalJson(Object.fromEntries(after)));
    expect(canonicalJson(applyChanges(after, invertChanges(changes)))).toBe(canonicalJson(values));
    const many = applyChanges(values, changesTo(values, Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`1:${i + 1}`, "0:1"]))));
    expect(many).toBeInstanceOf(Map);
    expect(many.get("1:3000")).toBe("0:1");
  });
});
