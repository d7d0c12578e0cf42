import { describe, expect, it } from "vitest";
import { Problem } from "../../src/api/problem";
import type { Campaign, Dataset, HubImage, HubUpload, ModelCardSummary, ReleaseSummary } from "../../src/api/types";
import { suggestPassword } from "../../src/session/members";
import { nextSteps, type Wheel } from "../../src/session/next-steps";
import { UploadQueue, type Send } from "../../src/session/upload-queue";

const nothing: Wheel = { datasets: [], campaigns: [], disagreements: 0, releases: [], runs: [], cards: [], rounds: 0 };
const dataset = (images: number) => ({ name: "l/demo", title: "Demo", images }) as Dataset;
const campaign = (state: Campaign["state"], settled: number, done = settled * 3) =>
  ({ name: "l/c", title: "Nuclei", dataset: "l/demo", state, readings_needed: 3, progress: { items: 10, readings_needed: 30, readings_done: done, settled, disputed: 0 } }) as Campaign;
const release = (version: string, images: number, state: ReleaseSummary["state"] = "published") =>
  ({ id: `r${version}`, dataset: "l/demo", campaign: "l/c", version, place: version, reference: `l/demo@${version}`, state, counts: { images, cells: 0, readings: 0 }, error: "" }) as ReleaseSummary;
const card = (reference: string) => ({ release: reference }) as ModelCardSummary;
const keys = (wheel: Partial<Wheel>) => nextSteps({ ...nothing, ...wheel }).map((step) => step.key);

describe("the next useful step turns the wheel once", () => {
  it.each<[string, Partial<Wheel>, string[]]>([
    ["an empty hub", {}, ["dataset"]],
    ["a dataset without images", { datasets: [dataset(0)] }, ["images:l/demo"]],
    ["images that nobody reads", { datasets: [dataset(10)] }, ["campaign:l/demo"]],
    ["a draft campaign", { datasets: [dataset(10)], campaigns: [campaign("draft", 0)] }, ["open:l/c"]],
    ["people at work", { datasets: [dataset(10)], campaigns: [campaign("open", 0)] }, []],
    ["disagreements", { datasets: [dataset(10)], campaigns: [campaign("open", 0)], disagreements: 2 }, ["settle"]],
    ["settled images", { datasets: [dataset(10)], campaigns: [campaign("open", 4)] }, ["publish:l/c"]],
    ["publishing", { datasets: [dataset(10)], campaigns: [campaign("open", 4)], releases: [release("1.9.0", 0, "publishing")] }, []],
    ["a release", { datasets: [dataset(10)], campaigns: [campaign("open", 4)], releases: [release("1.9.0", 4)] }, ["train:l/demo@1.9.0"]],
    ["a model", { datasets: [dataset(10)], campaigns: [campaign("open", 4)], releases: [release("1.9.0", 4)], cards: [card("l/demo@1.9.0")] }, ["rank:l/c"]],
    ["more settled", { datasets: [dataset(10)], campaigns: [campaign("open", 7)], releases: [release("1.9.0", 4)], cards: [card("l/demo@1.9.0")] }, ["publish:l/c", "rank:l/c"]],
    ["a version no model saw", { datasets: [dataset(10)], campaigns: [campaign("closed", 7)], releases: [release("1.10.0", 7), release("1.9.0", 4)], cards: [card("l/demo@1.9.0")] }, ["train:l/demo@1.10.0"]],
  ])("%s", (_, wheel, expected) => expect(keys(wheel)).toEqual(expected));
});

describe("uploads", () => {
  const file = (name: string) => new File(["x"], name);
  const idle = { pause: () => undefined, resume: () => undefined, cancel: () => undefined };
  const settle = () => new Promise((resolve) => setTimeout(resolve));

  it("go two at a time; one refusal leaves the others alone, and can be tried again", async () => {
    const waiting = new Map<string, { resolve: (upload: HubUpload) => void; reject: (error: unknown) => void }>();
    const stored: HubUpload[] = [];
    const queue = new UploadQueue((upload) => stored.push(upload));
    const send: Send = (given) => ({ done: new Promise((resolve, reject) => waiting.set(given.name, { resolve, reject })), ...idle });
    queue.add([file("a"), file("b"), file("c")], send);
    expect([...waiting.keys()]).toEqual(["a", "b"]);
    waiting.get("a")!.reject(new Problem(400, { type: "urn:cellcommons:truncated", title: "No", remedy: "Copy it again." }));
    await settle();
    expect([...waiting.keys()]).toEqual(["a", "b", "c"]);
    waiting.get("b")!.resolve({ images: [{ id: "1" } as HubImage], refused: [] } as unknown as HubUpload);
    waiting.get("c")!.reject(new Problem(400, { type: "urn:cellcommons:already-there", title: "There" }));
    await settle();
    expect(Object.fromEntries(queue.rows.value.map((row) => [row.file.name, row.state.kind]))).toEqual({ a: "refused", b: "done", c: "refused" });
    expect(stored).toHaveLength(1);
    waiting.clear();
    queue.retry(queue.rows.value.find((row) => row.file.name === "a")!.key);
    expect([...waiting.keys()]).toEqual(["a"]);
    queue.clear();
    expect(queue.rows.value.map((row) => row.file.name)).toEqual(["a"]);
  });

  it("stop on request", async () => {
    let stop: () => void = () => undefined;
    const queue = new UploadQueue(() => undefined);
    queue.add([file("a")], () => ({ done: new Promise((_, reject) => (stop = () => reject(new DOMException("", "AbortError")))), ...idle, cancel: () => stop() }));
    queue.cancel(queue.rows.value[0]!.key);
    await settle();
    expect(queue.rows.value[0]!.state.kind).toBe("stopped");
  });
});

describe("first passwords", () => {
  it("have sixteen letters of an alphabet that cannot be mistaken, each as likely", () => {
    expect(suggestPassword()).toMatch(/^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/);
    expect(suggestPassword()).not.toBe(suggestPassword());
    // Bytes from 248 would favour the first letters and are thrown away.
    const text = suggestPassword((bytes) => bytes.map((_, i) => (i % 2 ? 255 : i / 2)));
    expect(text).toBe("abcd-efgh-jkmn-pqrs");
  });
});
