/** Sessions of tasks that say rather than paint: edits of values on the line, beside the hub, over reloads and 409. */

import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Given } from "../../src/api/types";
import type { AssignmentSession } from "../../src/session/assignment";
import { newUuid, valuesSha256 } from "../../src/session/digest";
import { Journal } from "../../src/session/journal";
import { sessionExpired } from "../../src/session/people";
import { Workbench } from "../../src/session/workbench";
import { MemoryHub, type Work } from "./memory-hub";

const CLASSES: Work = {
  task: "classification",
  ontology: { names: ["a", "b"], ordinal: false, multi: false },
  values: { "1": ["a"], "2": ["b"] },
  certainty: { "1": 0.9, "2": 0.4 },
};
const candidate = (key: string): Given => ({ key, kind: "candidate", title: key.toUpperCase(), role: null, zarr_url: null, values: null, channels: null });
const TRIAL: Work = { task: "augmented", given: [candidate("a"), candidate("b")], question: "trial" };

let hub: MemoryHub;
const open: Workbench[] = [];

async function working(): Promise<{ tab: Workbench; session: AssignmentSession }> {
  const tab = new Workbench("l/nuclei");
  open.push(tab);
  await tab.open();
  if (!tab.session) throw new Error(`not working: ${JSON.stringify(tab.phase.value)}`);
  return { tab, session: tab.session };
}

const classify = (session: AssignmentSession, wanted: Record<string, string[] | null>) => session.change("class", {}, wanted);
const said = (session: AssignmentSession) => Object.fromEntries(session.values.value);
const onHub = () => hub.said(hub.line("a1").edits);
const saved = (session: AssignmentSession) => vi.waitFor(() => expect(session.line.durability.value).toEqual({ kind: "saved" }), { timeout: 5000 });
/** The same person on another machine. */
function elsewhere(changes: Record<string, [string[] | string | null, string[] | string | null]>): void {
  const { edits } = hub.line("a1");
  edits.push({ uuid: newUuid(), seq: edits.length + 1, tool: "class", params: {}, tiles: [], changes });
}

beforeEach(() => {
  hub = new MemoryHub({ work: CLASSES });
  vi.stubGlobal("location", { origin: "http://hub.test" });
  vi.stubGlobal("fetch", (input: RequestInfo | URL, init?: RequestInit) => hub.fetch(input, init));
});

afterEach(async () => {
  open.splice(0).forEach((tab) => tab.close());
  sessionExpired.value = false;
  const journal = await Journal.open();
  for (const id of ["a1", "a2"]) await journal.clear(id);
  journal.close();
  vi.unstubAllGlobals();
});

describe("a session of values", () => {
  it("starts from the draft; a batch is one edit and one step of undo", async () => {
    const { session } = await working();
    expect(said(session)).toEqual({ "1": ["a"], "2": ["b"] });
    classify(session, { "1": ["b"], "3": ["b"], "2": ["b"] });
    await saved(session);
    expect(hub.line("a1").edits).toMatchObject([{ seq: 1, tool: "class", tiles: [], changes: { "1": [["a"], ["b"]], "3": [null, ["b"]] } }]);
    session.undo();
    expect(said(session)).toEqual(CLASSES.values);
    session.redo();
    await saved(session);
    expect(onHub()).toEqual(said(session));
  });

  it("keeps what was said while the hub was down, over a reload", async () => {
    const { tab, session } = await working();
    classify(session, { "1": ["b"] });
    await saved(session);
    hub.down = true;
    classify(session, { "1": null, "7": ["a"] });
    classify(session, { "7": ["b"] });
    await session.line.journalled();
    const seen = said(session);
    tab.close();
    hub.down = false;
    const again = await working();
    expect(said(again.session)).toEqual(seen);
    await saved(again.session);
    expect(onHub()).toEqual(seen);
    expect(hub.line("a1").edits).toHaveLength(3);
    again.session.undo();
    expect(again.session.values.value.get("7")).toEqual(["a"]);
  });

  it("on 409 takes what was said elsewhere, and says its own on top", async () => {
    const { tab, session } = await working();
    elsewhere({ "1": [["a"], null], "9": [null, ["a"]] });
    classify(session, { "1": ["b"], "2": ["a"] });
    await saved(session);
    expect(hub.line("a1").edits.map((edit) => edit.seq)).toEqual([1, 2]);
    expect(hub.line("a1").edits[1]!.changes).toEqual({ "1": [null, ["b"]], "2": [["b"], ["a"]] });
    expect(said(session)).toEqual({ "1": ["b"], "2": ["a"], "9": ["a"] });
    expect(onHub()).toEqual(said(session));
    tab.close();
    const again = await working();
    expect(said(again.session)).toEqual(onHub());
    expect(again.session.line.durability.value).toEqual({ kind: "saved" });
  });

  it("submits the hash of what was said", async () => {
    const { tab, session } = await working();
    classify(session, { "2": ["a"] });
    await tab.submit();
    expect(hub.line("a1").body).toMatchObject({ edit_count: 1, labels_sha256: await valuesSha256(new Map(Object.entries({ "1": ["a"], "2": ["a"] }))) });
    expect(tab.session?.assignment.id).toBe("a2");
  });
});

describe("a session that paints and answers", () => {
  beforeEach(() => (hub = new MemoryHub({ work: TRIAL })));

  it("shows roles once the answer is recorded, and takes it back for nobody", async () => {
    const { tab, session } = await working();
    expect([session.question.value, session.given.value.map(({ role }) => role)]).toEqual(["trial", [null, null]]);
    session.change("answer", {}, { trial: "a" });
    await session.refresh();
    expect(session.given.value.map(({ role }) => role)).toEqual(["real", "predicted"]);
    session.editor.begin("new-cell", { cell: 1 });
    session.editor.paint({ y: 20, x: 20 }, { y: 20, x: 30 }, 4, 1, { kind: "anything" });
    session.editor.commit();
    session.undo();
    session.undo();
    expect(said(session)).toEqual({ trial: "a" });
    session.redo();
    await tab.submit();
    expect(hub.line("a1").submitted).toBe(true);
  });

  it("lets the answer given elsewhere stand, and goes on", async () => {
    const { session } = await working();
    elsewhere({ trial: [null, "b"] });
    session.change("answer", {}, { trial: "a" });
    await saved(session);
    expect(said(session)).toEqual({ trial: "b" });
    expect(hub.line("a1").edits).toHaveLength(1);
  });
});
