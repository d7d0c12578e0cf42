import "fake-indexeddb/auto";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AssignmentSession } from "../../src/session/assignment";
import { labelsSha256, newUuid, sha256 } from "../../src/session/digest";
import { Journal } from "../../src/session/journal";
import { sessionExpired } from "../../src/session/people";
import { Workbench } from "../../src/session/workbench";
import { HEIGHT, MemoryHub, WIDTH } from "./memory-hub";

let hub: MemoryHub;
const open: Workbench[] = [];

/** A tab: a workbench of its own on the same device (one IndexedDB, one set of locks). */
async function openTab(steal = false): Promise<Workbench> {
  const tab = new Workbench("l/nuclei");
  open.push(tab);
  await tab.open(steal);
  return tab;
}

async function working(steal = false): Promise<{ tab: Workbench; session: AssignmentSession }> {
  const tab = await openTab(steal);
  if (!tab.session) throw new Error(`not working: ${JSON.stringify(tab.phase.value)}`);
  return { tab, session: tab.session };
}

function draw(session: AssignmentSession, id: number, y: number, x: number, radius = 5): void {
  session.editor.begin("brush", { cell: id });
  session.editor.paint({ y, x }, { y: y + 3, x: x + 8 }, radius, id, { kind: "anything" });
  session.editor.commit();
}

const pixels = (session: AssignmentSession) => Array.from(session.editor.map.data);
const saved = (session: AssignmentSession) => vi.waitFor(() => expect(session.line.durability.value).toEqual({ kind: "saved" }), { timeout: 5000 });
const folded = (id = "a1") => Array.from(hub.fold(id));
/** What a tab that dies leaves behind: no goodbye, only what was written. */
function kill(tab: Workbench): void {
  tab.close();
}

beforeEach(() => {
  hub = new MemoryHub();
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

describe("an assignment session", () => {
  it("journals each stroke, posts it in order, and the hub's fold is the picture", async () => {
    const { session } = await working();
    for (let i = 1; i <= 7; i++) draw(session, i, 10 + i * 15, 20 + i * 20);
    session.undo();
    session.redo();
    session.undo();
    await saved(session);
    expect(hub.line("a1").edits.map((edit) => edit.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(hub.line("a1").edits.slice(7).map((edit) => edit.tool)).toEqual(["undo", "redo", "undo"]);
    expect(folded()).toEqual(pixels(session));
    expect(session.cellCount.value).toBe(6);
  });

  it("keeps what was drawn while the hub was down, over a reload, and sends it once", async () => {
    const { tab, session } = await working();
    draw(session, 1, 20, 20);
    await saved(session);
    hub.down = true;
    draw(session, 2, 60, 60);
    draw(session, 3, 62, 62);
    await vi.waitFor(() => expect(session.line.durability.value).toEqual({ kind: "offline", waiting: 2 }));
    await session.line.journalled();
    const seen = pixels(session);
    kill(tab);
    hub.down = false;
    const again = await working();
    expect(pixels(again.session)).toEqual(seen);
    await saved(again.session);
    expect(folded()).toEqual(seen);
    expect(hub.line("a1").edits).toHaveLength(3);
  });

  it("says that a stroke is kept only once it is in the journal", async () => {
    const { session } = await working();
    hub.down = true;
    draw(session, 1, 20, 20);
    await vi.waitFor(() => expect(session.line.durability.value).toEqual({ kind: "offline", waiting: 1 }));
    draw(session, 2, 60, 60);
    expect(session.line.durability.value).toEqual({ kind: "keeping", waiting: 2 });
    await session.line.journalled();
    expect(session.line.durability.value).toEqual({ kind: "offline", waiting: 2 });
    hub.down = false;
    session.line.retry();
    await saved(session);
  });

  it("takes a lost answer for what it is: the edit is sent again and counted once", async () => {
    const { session } = await working();
    hub.loseAnswers = 2;
    draw(session, 1, 20, 20);
    draw(session, 2, 40, 40);
    await saved(session);
    expect(hub.line("a1").edits).toHaveLength(2);
    expect(hub.posts).toBeGreaterThan(1);
    expect(folded()).toEqual(pixels(session));
  });

  it("survives a tab that dies between the hub's acceptance and the answer", async () => {
    const { tab, session } = await working();
    hub.loseAnswers = 1000;
    draw(session, 1, 20, 20);
    await vi.waitFor(() => expect(hub.line("a1").edits).toHaveLength(1));
    kill(tab);
    hub.loseAnswers = 0;
    const again = await working();
    await saved(again.session);
    expect(hub.line("a1").edits).toHaveLength(1);
    expect(folded()).toEqual(pixels(again.session));
  });

  it("on 409 takes what another device drew, and replays its own strokes on top", async () => {
    const { tab, session } = await working();
    draw(session, 1, 20, 20);
    await saved(session);
    // The same person on another machine: another journal, the same hub.
    const other = hub.line("a1").edits[0]!;
    hub.line("a1").edits.push({ ...other, uuid: newUuid(), seq: 2, tool: "undo", tiles: [{ ...other.tiles[0]!, version: 1 }] });
    hub.line("a1").versions["0,0"] = 2;
    draw(session, 2, 24, 24);
    draw(session, 3, 100, 150);
    await saved(session);
    expect(hub.line("a1").edits.map((edit) => edit.seq)).toEqual([1, 2, 3, 4]);
    expect(folded()).toEqual(pixels(session));
    expect(session.editor.map.area(1)).toBe(0);
    expect(session.editor.map.at(24, 26)).toBe(2);
    expect(session.editor.map.at(101, 152)).toBe(3);
    // Undo goes on along the new line: the last stroke first.
    session.undo();
    expect(session.editor.map.ids()).toEqual([2]);
    session.redo();
    await saved(session);
    // And the journal tells the same story after a reload.
    const seen = pixels(session);
    kill(tab);
    const again = await working();
    expect(pixels(again.session)).toEqual(seen);
    expect(again.session.line.durability.value).toEqual({ kind: "saved" });
    expect(hub.line("a1").edits).toHaveLength(6);
  });

  it("replays unsent strokes of a killed tab over what another device sent meanwhile", async () => {
    const { tab, session } = await working();
    draw(session, 1, 20, 20);
    await saved(session);
    hub.down = true;
    draw(session, 2, 24, 24);
    await session.line.journalled();
    kill(tab);
    hub.down = false;
    const first = hub.line("a1").edits[0]!;
    hub.line("a1").edits.push({ ...first, uuid: newUuid(), seq: 2, tool: "undo", tiles: [{ ...first.tiles[0]!, version: 1 }] });
    hub.line("a1").versions["0,0"] = 2;
    const again = await working();
    await saved(again.session);
    expect(folded()).toEqual(pixels(again.session));
    expect(again.session.editor.map.ids()).toEqual([2]);
    expect(hub.line("a1").edits).toHaveLength(3);
    kill(again.tab);
    const third = await working();
    await saved(third.session);
    expect(hub.line("a1").edits).toHaveLength(3);
  });

  it("sends its journal again to a hub that was set back to yesterday", async () => {
    const { tab, session } = await working();
    for (let i = 1; i <= 4; i++) draw(session, i, 20 * i, 20 * i);
    await saved(session);
    const seen = pixels(session);
    kill(tab);
    const { edits } = hub.line("a1");
    Object.assign(hub.line("a1"), { edits: edits.slice(0, 2), versions: countTiles(edits.slice(0, 2)) });
    const again = await working();
    await saved(again.session);
    expect(pixels(again.session)).toEqual(seen);
    expect(folded()).toEqual(seen);
  });

  it("can take back after a reload what was drawn before it", async () => {
    const { tab, session } = await working();
    draw(session, 1, 20, 20);
    draw(session, 2, 60, 60);
    draw(session, 3, 90, 90);
    session.undo();
    await saved(session);
    kill(tab);
    const again = await working();
    again.session.redo();
    expect(again.session.editor.map.ids()).toEqual([1, 2, 3]);
    again.session.undo();
    again.session.undo();
    again.session.undo();
    expect(again.session.editor.map.cellCount).toBe(0);
    expect(again.session.editor.history.canUndo).toBe(false);
    await saved(again.session);
    expect(folded()).toEqual(pixels(again.session));
  });

  it("asks to sign in again in place, and goes on", async () => {
    const { session } = await working();
    hub.signedIn = false;
    draw(session, 1, 20, 20);
    await vi.waitFor(() => expect(sessionExpired.value).toBe(true));
    expect(session.line.durability.value).toMatchObject({ kind: "signed-out", waiting: 1 });
    draw(session, 2, 60, 60);
    hub.signedIn = true;
    sessionExpired.value = false; // what signing in does
    await saved(session);
    expect(folded()).toEqual(pixels(session));
  });

  it("keeps the work of an expired lease, and goes on where the slot is still free", async () => {
    const { session } = await working();
    hub.expired = true;
    draw(session, 1, 20, 20);
    await vi.waitFor(() => expect(session.lease.lost.value?.code).toBe("lease-expired"));
    expect(await session.renewLease()).toBe(false);
    hub.expired = false;
    expect(await session.renewLease()).toBe(true);
    await saved(session);
    expect(folded()).toEqual(pixels(session));
  });

  it("lets one tab work at a time; taking over stops the other", async () => {
    const first = await working();
    draw(first.session, 1, 20, 20);
    await saved(first.session);
    const second = await openTab();
    expect(second.phase.value.kind).toBe("elsewhere");
    await second.open(true);
    expect(second.session?.editor.map.ids()).toEqual([1]);
    await vi.waitFor(() => expect(first.tab.phase.value.kind).toBe("elsewhere"));
  });
});

describe("handing in", () => {
  it("submits the pixels' sha256, forgets the journal, and opens the next", async () => {
    const { tab, session } = await working();
    draw(session, 1, 20, 20);
    draw(session, 2, 120, 180);
    const sha = await labelsSha256(session.editor.map.data);
    await tab.submit();
    expect(hub.line("a1").body).toMatchObject({ edit_count: 2, labels_sha256: sha });
    expect(tab.session?.assignment.id).toBe("a2");
    const journal = await Journal.open();
    expect(await journal.entries("a1")).toEqual([]);
    journal.close();
    await tab.submit();
    expect(tab.phase.value.kind).toBe("nothing-left");
    expect(tab.done.value).toBe(2);
  });

  it("starts from the draft, and an untouched draft is submitted as it is", async () => {
    const draft = new Uint32Array(HEIGHT * WIDTH);
    draft.fill(1, 2000, 2050);
    hub = new MemoryHub({ draft });
    const { tab, session } = await working();
    expect(session.editor.map.area(1)).toBe(50);
    expect(session.certainty(1)).toBe(0.4);
    expect(session.certainty(2)).toBeNull();
    await tab.submit();
    expect(hub.line("a1")).toMatchObject({ submitted: true, body: { edit_count: 0 } });
  });

  it("says that the hub does not answer instead of waiting for ever, and loses nothing", async () => {
    const { tab, session } = await working();
    hub.down = true;
    draw(session, 1, 20, 20);
    await expect(session.line.settled(300)).rejects.toMatchObject({ code: "unreachable" });
    expect(hub.line("a1").submitted).toBe(false);
    hub.down = false;
    await tab.submit();
    expect(hub.line("a1")).toMatchObject({ submitted: true, body: { edit_count: 1 } });
  });

  it("brings both lines together when the hub's fold differs, then submits", async () => {
    const { tab, session } = await working();
    draw(session, 1, 20, 20);
    await saved(session);
    const first = hub.line("a1").edits[0]!;
    hub.line("a1").edits.push({ ...first, uuid: newUuid(), seq: 2, tool: "undo", tiles: [{ ...first.tiles[0]!, version: 1 }] });
    hub.line("a1").versions["0,0"] = 2;
    await tab.submit();
    expect(hub.line("a1")).toMatchObject({ submitted: true, body: { edit_count: 2 } });
  });
});

describe("digests", () => {
  it("agree with the platform where it has none", () => {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 1000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37) & 255);
      expect(Buffer.from(sha256(bytes)).toString("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
    }
    expect(newUuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

function countTiles(edits: { tiles: { y: number; x: number }[] }[]): Record<string, number> {
  const versions: Record<string, number> = {};
  for (const tile of edits.flatMap((edit) => edit.tiles)) versions[`${tile.y},${tile.x}`] = (versions[`${tile.y},${tile.x}`] ?? 0) + 1;
  return versions;
}
