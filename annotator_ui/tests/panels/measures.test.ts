import { describe, expect, it } from "vitest";
import type { Layout, ModelCardSummary } from "../../src/api/types";
import { finite, headlineOf, measureText, measureWords, scoreOf, sortMeasures } from "../../src/panels/pages/parts/measure-words";

describe("measures", () => {
  it("keep their name and number where this page does not know them", () => {
    expect(measureWords("brand_new_thing")).toMatchObject({ label: "Brand new thing", kind: "number", better: null });
    expect(sortMeasures({ brand_new_thing: 12.5 }, "f1_50").numbers).toEqual(["brand_new_thing"]);
    expect(measureText("brand_new_thing", 12.5)).toBe("12.5");
  });

  it("are read as what they are", () => {
    expect(measureText("pearson_r", 1)).toBe("1.000");
    expect(measureText("psnr", 27.25)).toBe("27.3 dB");
    expect(measureText("links", 1200)).toBe("1,200");
    for (const none of [null, undefined, NaN, Infinity, "0.5"]) expect(measureText("f1", none)).toBe("–");
    expect([finite(0), finite("0")]).toEqual([0, null]);
  });

  it("are sorted onto the page, the headline first, and none is lost", () => {
    const measures = {
      images: 3,
      accuracy: 0.9,
      macro_f1: 0.8,
      macro_f1_low: 0.7,
      macro_f1_high: 0.9,
      f1_50: 0.5,
      f1_75: 0.4,
      brier: 0.1,
      odd_low: 4,
      f1: { a: 0.5, b: null },
      pearson_r_by_channel: { DAPI: 0.7 },
      confusion: { a: { a: 3, b: 1 }, b: { a: 0, b: 2 } },
      nothing: null,
      empty: {},
    };
    const sorted = sortMeasures(measures, "macro_f1");
    expect(sorted.ratios).toEqual(["macro_f1", "f1_50", "accuracy"]);
    expect(sorted.numbers).toEqual(["brier", "odd_low"]); // no measure "odd" whose bound it could be
    expect(sorted.counts).toEqual(["images"]);
    expect(sorted.parts).toEqual({ f1: { a: 0.5 }, pearson_r: { DAPI: 0.7 } });
    expect(sorted.confusion).toEqual(measures.confusion);
  });

  it("take a mapping of mappings that is no confusion as measures by class", () => {
    expect(sortMeasures({ per_class: { dice: { n: 0.9 }, jaccard: { n: 0.8 } } }, "").parts).toEqual({ dice: { n: 0.9 }, jaccard: { n: 0.8 } });
    expect(sortMeasures({ list: [1, 2], text: "x" }, "")).toMatchObject({ ratios: [], numbers: [], counts: [], parts: {}, confusion: null });
  });

  it("judge a model by what its card says, else by its task's measure", () => {
    expect(headlineOf({ task: "classification", headline: "spearman" })).toBe("spearman");
    expect(headlineOf({ task: "tracking" })).toBe("link_f1");
    expect(headlineOf({ task: "tracking", headline: "" })).toBe("link_f1");
    expect(headlineOf({})).toBe("f1_50");
  });

  it("score one image by its headline, else by the first share it has", () => {
    expect(scoreOf({ macro_f1: 0.5, accuracy: 1 }, "macro_f1")).toEqual({ name: "macro_f1", value: 0.5 });
    expect(scoreOf({ accuracy: 1, subjects: 3 }, "macro_f1")).toEqual({ name: "accuracy", value: 1 });
    expect(scoreOf({ psnr: 20 }, "macro_f1")).toEqual({ name: "psnr", value: 20 });
    expect(scoreOf({ subjects: 3 }, "macro_f1")).toBeNull();
  });
});

describe("what pages choose from", async () => {
  const { vi } = await import("vitest");
  vi.stubGlobal("window", { location: { pathname: "/", search: "" } });
  const { byTask } = await import("../../src/panels/pages/parts/layout-question");
  const { usable } = await import("../../src/panels/pages/campaign-drafts");

  it("layouts under their tasks, an unknown task last, an empty one left out", () => {
    const layout = (name: string, task: string) => ({ name, task, title: name }) as Layout;
    const found = byTask([layout("x", "spots"), layout("ctc", "tracking"), layout("dsb", "instance_segmentation"), layout("nist", "tracking")]);
    expect(found.map(([task, rows]) => [task, rows.map(({ name }) => name)])).toEqual([
      ["instance_segmentation", ["dsb"]],
      ["tracking", ["ctc", "nist"]],
      ["spots", ["x"]],
    ]);
  });

  it("models of the campaign's task, the best first", () => {
    const card = (name: string, task: string, headline: string, value?: number) => ({ name, task, headline, measures: { [headline]: value } }) as unknown as ModelCardSummary;
    const cards = [card("low", "tracking", "link_f1", 0.2), card("other", "classification", "macro_f1", 1), card("none", "tracking", "link_f1"), card("high", "tracking", "link_f1", 0.9)];
    expect(usable(cards, "tracking").map(({ name }) => name)).toEqual(["high", "low", "none"]);
  });

  it("what trials say: at a half nobody can tell, and few trials say nothing", async () => {
    const { toldApart } = await import("../../src/panels/pages/campaign-preferences");
    const share = (value: number | null, low: number, high: number, count: number) => toldApart({ value, low, high, count });
    expect(share(null, 0, 1, 0)).toBe("not tried yet");
    expect(share(0.9, 0.7, 0.97, 20)).toBe("people tell it from the real one");
    expect(share(0.1, 0.03, 0.3, 20)).toBe("people take it for the real one");
    expect(share(0.5, 0.3, 0.7, 20)).toBe("people cannot tell it from the real one");
    expect(share(1, 0.3, 1, 2)).toBe("too few trials to say");
  });
});
