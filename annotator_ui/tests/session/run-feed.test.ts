import { afterEach, describe, expect, it, vi } from "vitest";
import { Problem } from "../../src/api/problem";
import type { TrainingRun } from "../../src/api/types";
import { nothingYet, pollDelay, reduceFeed, RunFeed, type Feed } from "../../src/session/run-feed";

const run = (state: TrainingRun["state"], step = 0, points = step): TrainingRun => ({
  id: "r",
  release: "demo@1",
  state,
  seed: 0,
  budget_seconds: 60,
  progress: { step },
  curve: Array.from({ length: points }, (_, i) => ({ step: i + 1, loss: 1 })),
  model_card: null,
  error: "",
  created: "2026-11-20T12:00:00Z",
  heartbeat: null,
  finished_at: null,
  config: {},
  order_sha256: "",
  report_sha256: "",
  start_from: "",
});

describe("the reducer", () => {
  it("goes from opening to live to ended", () => {
    let feed: Feed = reduceFeed(nothingYet, { kind: "opened" });
    feed = reduceFeed(feed, { kind: "progress", run: run("running", 1) });
    expect(feed).toMatchObject({ connection: "live", breaks: 0, run: { progress: { step: 1 } } });
    feed = reduceFeed(feed, { kind: "progress", run: run("finished", 2) });
    expect(feed.connection).toBe("ended");
    expect(reduceFeed(feed, { kind: "end", run: null })).toMatchObject({ connection: "ended", run: { state: "finished" } });
  });

  it("falls back to asking, and news that come end the count of breaks", () => {
    let feed = reduceFeed(nothingYet, { kind: "broken" });
    feed = reduceFeed(feed, { kind: "broken" });
    expect(feed).toMatchObject({ connection: "polling", breaks: 2 });
    expect(reduceFeed(feed, { kind: "polled", run: run("running", 4) })).toMatchObject({ connection: "polling", breaks: 2, run: { progress: { step: 4 } } });
    expect(reduceFeed(feed, { kind: "progress", run: run("running", 5) })).toMatchObject({ connection: "live", breaks: 0 });
  });

  it("a stream that breaks after its end changes nothing", () => {
    const ended = reduceFeed(nothingYet, { kind: "end", run: run("cancelled", 3) });
    expect(reduceFeed(ended, { kind: "broken" })).toBe(ended);
  });

  it("does not go back when messages overtake each other, but does when the run is resumed", () => {
    const at9 = reduceFeed(nothingYet, { kind: "progress", run: run("running", 9) });
    expect(reduceFeed(at9, { kind: "progress", run: run("running", 7) }).run?.progress.step).toBe(9);
    expect(reduceFeed(at9, { kind: "progress", run: run("waiting", 0) }).run?.state).toBe("waiting");
  });

  it("keeps what it knew beside a refusal", () => {
    const feed = reduceFeed(reduceFeed(nothingYet, { kind: "progress", run: run("running", 2) }), { kind: "refused", problem: Problem.unreachable() });
    expect(feed.run?.progress.step).toBe(2);
    expect(feed.problem?.code).toBe("unreachable");
  });

  it("asks ever less often, at most every five seconds", () => {
    expect([0, 1, 2, 3, 4, 50].map(pollDelay)).toEqual([1000, 1000, 2000, 4000, 5000, 5000]);
  });
});

describe("where there is no EventSource", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("asks until the run is over", async () => {
    vi.useFakeTimers();
    const answers = [run("running", 1), run("running", 2), run("finished", 3)];
    const asked = vi.fn(async () => new Response(JSON.stringify(answers.shift()), { status: 200 }));
    vi.stubGlobal("fetch", asked);
    const feed = new RunFeed("r");
    feed.open();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(feed.feed.value).toMatchObject({ connection: "ended", run: { state: "finished" } });
    expect(asked).toHaveBeenCalledTimes(3);
    vi.useRealTimers();
  });

  it("stops when the page closes", async () => {
    vi.useFakeTimers();
    const asked = vi.fn(async () => new Response(JSON.stringify(run("running", 1)), { status: 200 }));
    vi.stubGlobal("fetch", asked);
    const feed = new RunFeed("r");
    feed.open();
    await vi.advanceTimersByTimeAsync(1);
    feed.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  });
});
