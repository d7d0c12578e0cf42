import { signal } from "@preact/signals";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Problem } from "../../src/api/problem";
import type { Given, Question } from "../../src/api/types";
import type { Value, Values } from "../../src/labels/values";
import type { Durability } from "../../src/session/durability";
import type { Picture } from "../../src/session/picture";

vi.stubGlobal("window", { location: { pathname: "/", search: "" } });
const { BLINK_MS, columnsFor, Compare, firstPair, leaderOf, shareContrast, SharedDisplay, titleOf } = await import("../../src/panels/workbench/modes/augmented-compare");
const { Answering, ANSWERS, judgedKey, verdictOf } = await import("../../src/panels/workbench/modes/augmented-question");

const given = (key: string, kind: Given["kind"], role: Given["role"] = null): Given => ({ key, kind, role, title: "", zarr_url: "/z", values: null, channels: null });
const trial = (told = false) => [given("a", "candidate", told ? "predicted" : null), given("b", "candidate", told ? "real" : null)];
const preference = (told = false) => [given("target", "target"), given("a", "candidate", told ? "older" : null), given("b", "candidate", told ? "predicted" : null)];

describe("what failures are marked on", () => {
  it("is the target where nothing is asked, and the newest prediction once it is told", () => {
    expect(judgedKey([given("target", "target")], null)).toBe("target");
    expect([judgedKey(trial(), "trial"), judgedKey(trial(true), "trial")]).toEqual([null, "a"]);
    expect([judgedKey(preference(), "preference"), judgedKey(preference(true), "preference")]).toEqual([null, "b"]);
  });
});

describe("the verdict", () => {
  it("says nothing before it is told", () => {
    expect(verdictOf("trial", "a", trial())).toBeNull();
    expect(verdictOf("trial", null, trial(true))).toBeNull();
    expect(verdictOf(null, null, [])).toBeNull();
  });

  it.each<[Question, string, string, RegExp]>([
    ["trial", "b", "Right", /B is real, A was predicted/],
    ["trial", "a", "Not this time", /B is real, A was predicted.*good news/],
    ["trial", "unsure", "Not easy to tell", /B is real, A was predicted/],
    ["preference", "b", "You prefer the newer model", /B is the newer model's, A the older/],
    ["preference", "a", "You prefer the older model", /B is the newer/],
    ["preference", "same", "As good as each other", /B is the newer/],
  ])("of %s %s is: %s", (question, answer, title, text) => {
    const verdict = verdictOf(question, answer, question === "trial" ? trial(true) : preference(true));
    expect(verdict).toMatchObject({ title, text: expect.stringMatching(text) });
  });

  it("never blames: a wrong guess is no error", () => {
    for (const { value } of ANSWERS.trial) expect(JSON.stringify(verdictOf("trial", value, trial(true)))).not.toMatch(/wrong|error|fail/i);
  });
});

/** A session of one question, with a hub that tells the roles when asked. */
function sitting(question: Question | null, rows: Given[], told: Given[], start: Record<string, Value> = {}) {
  const values = signal<Values>(new Map(Object.entries(start)));
  const shown = signal<readonly Given[]>(rows);
  const durability = signal<Durability>({ kind: "saved" });
  const refused: Problem[] = [];
  const refresh = vi.fn(async () => {
    await null;
    const problem = refused.shift();
    if (problem) throw problem;
    shown.value = told;
  });
  const change = vi.fn((_tool: string, _params: unknown, wanted: Readonly<Record<string, Value | null>>) => {
    values.value = new Map(Object.entries(wanted) as [string, Value][]);
    return true;
  });
  const answering = new Answering({ values, given: shown, question: signal(question), change, refresh, line: { durability } });
  return { answering, refresh, change, durability, refused };
}
const settle = () => new Promise((resolve) => setTimeout(resolve));

describe("answering", () => {
  it("asks once, then is told what it was, then marks", async () => {
    const { answering, change, refresh } = sitting("trial", trial(), trial(true));
    expect(answering.stage.value).toBe("asking");
    expect(refresh).not.toHaveBeenCalled();
    expect(answering.say("b")).toBe(true);
    expect(answering.stage.value).toBe("revealing");
    expect(answering.say("a")).toBe(false);
    expect(change).toHaveBeenCalledExactlyOnceWith("answer", { question: "trial" }, { trial: "b" });
    await settle();
    expect(answering.stage.value).toBe("marking");
    expect(answering.answer.value).toBe("b");
  });

  it("waits until the hub has the answer", async () => {
    const { answering, refresh, durability } = sitting("preference", preference(), preference(true));
    durability.value = { kind: "offline", waiting: 1 };
    answering.say("same");
    await settle();
    expect(refresh).not.toHaveBeenCalled();
    durability.value = { kind: "saved" };
    await settle();
    expect(refresh).toHaveBeenCalledOnce();
    expect(answering.stage.value).toBe("marking");
  });

  it("says why it is not told yet, keeps the answer, and asks again on request", async () => {
    const { answering, refused } = sitting("trial", trial(), trial(true));
    refused.push(Problem.unreachable());
    answering.say("unsure");
    await settle();
    expect([answering.stage.value, answering.problem.value !== null, answering.answer.value]).toEqual(["revealing", true, "unsure"]);
    await answering.reveal();
    expect([answering.stage.value, answering.problem.value]).toEqual(["marking", null]);
  });

  it("after a reload goes on where it was", async () => {
    const { answering, refresh } = sitting("trial", trial(), trial(true), { trial: "a" });
    expect(answering.stage.value).toBe("revealing");
    await settle();
    expect([answering.stage.value, refresh.mock.calls.length]).toEqual(["marking", 1]);
    expect(sitting("trial", trial(true), [], { trial: "a" }).answering.stage.value).toBe("marking");
  });

  it("asks once more where the hub has the answer only after it was asked", async () => {
    const { answering, refresh, durability } = sitting("trial", trial(), trial(true));
    let arrive = () => {};
    refresh.mockImplementationOnce(() => new Promise<void>((resolve) => (arrive = resolve))); // asked too early: it tells nothing
    answering.say("a");
    durability.value = { kind: "sending", waiting: 1 };
    await settle();
    durability.value = { kind: "saved" };
    arrive();
    await settle();
    expect([answering.stage.value, refresh.mock.calls.length, answering.problem.value]).toEqual(["marking", 2, null]);
  });

  it("does not wait for ever for a hub that tells nothing", async () => {
    const { answering } = sitting("trial", trial(), trial());
    answering.say("a");
    await settle();
    expect([answering.stage.value, answering.problem.value?.remedy]).toEqual(["revealing", expect.stringContaining("Ask again")]);
  });

  it("marks at once where nothing is asked", () => {
    const { answering, change } = sitting(null, [given("target", "target")], []);
    expect([answering.stage.value, answering.say("a"), change.mock.calls.length]).toEqual(["marking", false, 0]);
  });
});

describe("comparing", () => {
  it("begins with the candidates, else with source and target", () => {
    expect(firstPair(["source", "a", "b"])).toEqual(["a", "b"]);
    expect(firstPair(["source", "target", "a", "b"])).toEqual(["a", "b"]);
    expect(firstPair(["source", "target"])).toEqual(["source", "target"]);
  });

  it("never hides the last picture, and never pairs one with itself", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("source", "a", "b"), fc.constantFrom<"toggle" | 0 | 1>("toggle", 0, 1))), (steps) => {
        const compare = new Compare(["source", "a", "b"]);
        for (const [key, what] of steps) {
          if (what === "toggle") compare.toggle(key);
          else compare.choose(what, key);
          expect(compare.visible.value.length).toBeGreaterThan(0);
          expect(compare.pair.value[0]).not.toBe(compare.pair.value[1]);
          if (what !== "toggle") expect(compare.pair.value[what]).toBe(key);
        }
      }),
    );
  });

  it("shows what is to be marked, whatever was hidden", () => {
    const compare = new Compare(["source", "a", "b"]);
    compare.toggle("b");
    compare.choose(1, "source");
    compare.bring("b");
    expect([compare.visible.value, compare.pair.value.includes("b")]).toEqual([["source", "a", "b"], true]);
  });

  it("keeps the divider where it can be seen and the blinking slow", () => {
    const compare = new Compare(["source", "a"]);
    compare.move(-2);
    expect(compare.split.value).toBeGreaterThan(0);
    compare.move(5);
    expect(compare.split.value).toBeLessThan(1);
    expect(1000 / (2 * BLINK_MS)).toBeLessThan(3);
  });

  it("lays the pictures out so that they are large", () => {
    const image = { height: 384, width: 512 };
    expect(columnsFor(3, image, { height: 770, width: 1090 })).toBe(2);
    expect(columnsFor(3, image, { height: 400, width: 1600 })).toBe(3);
    expect(columnsFor(3, image, { height: 800, width: 400 })).toBe(1);
    expect(columnsFor(1, image, { height: 1, width: 1 })).toBe(1);
  });

  it("tells roles upon a picture only once they are known", () => {
    const [a] = trial();
    expect(titleOf(a!, "trial")).toEqual({ short: "A", title: "A" });
    expect(titleOf({ ...a!, role: "real" }, "trial").title).toBe("A · real");
    expect(titleOf({ ...a!, role: "predicted" }, "preference").title).toBe("A · the newer model");
    expect(titleOf({ ...a!, role: "older" }, "preference").title).toBe("A · the older model");
    expect(titleOf(given("target", "target"), null)).toEqual({ short: "Real", title: "The real counterpart" });
  });

  it("has one contrast for all: the widest first, then what is set on any", () => {
    const picture = (low: number, high: number) => {
      const channel = { display: signal({ visible: true, colour: "#fff", low, high, gamma: 1 }), range: { low: 0, high } };
      return { level: signal<unknown>({ channels: [channel] }) } as unknown as Picture & { level: { value: unknown } };
    };
    const [first, second, late] = [picture(1, 9), picture(2, 20), picture(0, 5)];
    const there = late.level.value;
    late.level.value = null;
    const stop = shareContrast([first, second, late]);
    const display = (which: Picture) => which.level.value!.channels[0]!.display;
    expect(display(first).value).toMatchObject({ low: 1, high: 9 });
    late.level.value = there;
    for (const each of [first, second, late]) expect(display(each).value).toMatchObject({ low: 0, high: 20 });
    display(second).value = { ...display(second).value, low: 5, visible: false };
    for (const each of [first, second, late]) expect(display(each).value).toMatchObject({ low: 5, high: 20, visible: false });
    display(late).value = { ...display(late).value, low: 6 };
    expect(display(first).value.low).toBe(6);
    expect([leaderOf([first, second, late]), leaderOf([])]).toEqual([second, undefined]);
    stop();
  });

  it("a picture without a size does not move the others", () => {
    const shared = new SharedDisplay({ height: 100, width: 100 });
    shared.resize({ height: 500, width: 500 });
    const view = shared.view.value;
    shared.resize({ height: 0, width: 0 });
    expect(shared.view.value).toBe(view);
  });
});
