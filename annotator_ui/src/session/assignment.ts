/** One assignment on this device: the reading, its line of edits, the lease, and what the person has set. */

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { api } from "../api/client";
import { Problem } from "../api/problem";
import type { Assignment, Campaign, Given, Ontology, Question } from "../api/types";
import { Editor, type LocalEdit, type ToolParams } from "../labels/editor";
import type { LabelMap } from "../labels/label-map";
import type { Rect } from "../labels/rect";
import { sameValues, type Value, type Values } from "../labels/values";
import { deleteOperations } from "../tools/delete-cell";
import type { Operation, PointerStep, Scene, Sketch, ToolId } from "../tools/tool";
import { perform, Toolbox, type ViewOperation } from "../tools/toolbox";
import { Activity } from "./activity";
import { readingSha256 } from "./digest";
import { EditLine } from "./edit-line";
import type { Journal } from "./journal";
import { Lease } from "./lease";
import { sessionExpired } from "./people";
import { Picture, planeOf } from "./picture";
import { proposalHub, type ProposalHub } from "./proposals";
import { FORMS, readBase, type Form } from "./reading";
import { decodeLine, reconcile, restore } from "./restore";
import type { TabLock } from "./tab-lock";
import type { Content } from "./wire";

/** What is put before the person, which an answer may change. */
interface Shown {
  readonly given: readonly Given[];
  readonly question: Question | null;
}

function shownOf({ given, question }: Pick<Assignment, "given" | "question">): Shown {
  return { given: given as readonly Given[], question };
}

export class AssignmentSession {
  readonly tool = signal<ToolId>("new-cell");
  readonly selected = signal<number | null>(null);
  /** Links of a movie, where the task asks for them. */
  readonly proposals: ProposalHub;
  /** Where ids are classes: the one in hand. */
  readonly paintClass = signal<number | null>(null);
  /** Brush radius, image pixels. */
  readonly radius = signal(6);
  readonly protect = signal(true);
  readonly fillCircled = signal(true);
  /** How much intensities of one region may differ, of the window they are shown in. */
  readonly tolerance = signal(0.1);
  /** What the tool in the hand is about to do. */
  readonly sketch = signal<Sketch | null>(null);
  readonly toolbox = new Toolbox();
  private lastStep: PointerStep | null = null;
  private readonly plane = computed(() => planeOf(this.picture.level.value));
  /** Counts changes of the reading, for what is derived from it. */
  readonly revision = signal(0);
  readonly cellCount = computed(() => (this.revision.value, this.editor.map.cellCount));
  /** What is said so far, key -> value. */
  readonly values: ReadonlySignal<Values>;
  /** What is shown beside the image, as it was pinned when the assignment was leased. */
  readonly given: ReadonlySignal<readonly Given[]>;
  /** What is asked first; null where nothing is. */
  readonly question: ReadonlySignal<Question | null>;
  readonly ontology: Ontology | null;
  readonly form: Form;
  readonly activity = new Activity();
  /** Pixels that changed; the renderer listens. */
  onDrawn: (rect: Rect) => void = () => {};

  readonly editor: Editor;
  readonly line: EditLine;
  readonly lease: Lease;
  private readonly watching: (() => void)[];
  private readonly said = signal<Values>(new Map());
  private readonly shown = signal<Shown>({ given: [], question: null });

  private constructor(
    readonly assignment: Assignment,
    readonly campaign: Campaign,
    readonly picture: Picture,
    private readonly base: Content,
    content: Content,
    start: { acknowledged: number; versions: Readonly<Record<string, number>> },
    private readonly journal: Journal,
    private readonly lock: TabLock,
  ) {
    this.form = FORMS[assignment.task];
    this.ontology = assignment.ontology;
    this.values = this.said;
    this.said.value = content.values;
    this.shown.value = shownOf(assignment);
    this.given = computed(() => this.shown.value.given);
    this.question = computed(() => this.shown.value.question);
    const listener = {
      drawn: (rect: Rect) => this.onDrawn(rect),
      valued: (values: Values) => (this.said.value = values),
      edited: (edit: LocalEdit) => {
        this.activity.note();
        this.line.add(edit);
        this.revision.value++;
      },
    };
    this.editor = new Editor(content.map, listener, content.values, this.form.lasting);
    const path = { id: assignment.id };
    this.line = new EditLine(
      assignment.id,
      journal,
      { postEdits: (edits) => api.post("/api/v1/assignments/{id}/edits/", { path, body: { edits } }) },
      () => this.reconcile(),
      start,
    );
    this.proposals = proposalHub(assignment.id);
    this.lease = new Lease(
      assignment.lease_expires_at,
      campaign.lease_seconds,
      () => api.post("/api/v1/assignments/{id}/heartbeat/", { path }),
      this.activity,
    );
    if (assignment.draft) this.tool.value = "brush";
    this.watching = [
      this.tool.subscribe(() => this.leaveTool()),
      effect(() => {
        const state = this.line.durability.value;
        if (state.kind === "signed-out") sessionExpired.value = true;
        else if (state.kind === "lease-lost") this.lease.lost.value = state.problem;
      }),
      sessionExpired.subscribe((expired) => {
        if (!expired) this.line.retry();
      }),
    ];
  }

  /** Fetch draft and edits, and add what the journal has and the hub has not. */
  static async open(assignment: Assignment, campaign: Campaign, journal: Journal, lock: TabLock): Promise<AssignmentSession> {
    const [picture, base, hubLine, entries] = await Promise.all([
      Picture.open(assignment.image).then((opened) => {
        // About the size that the picture will have: its place on the screen is made once all of this is here.
        if (typeof window !== "undefined") opened.prepare(window.innerHeight * window.devicePixelRatio, window.innerWidth * window.devicePixelRatio);
        return opened;
      }),
      readBase(assignment),
      api.get("/api/v1/assignments/{id}/edits/", { path: { id: assignment.id } }),
      journal.entries(assignment.id),
    ]);
    const restored = await restore(base, hubLine, entries, FORMS[assignment.task].lasting);
    const start = { acknowledged: hubLine.edits.length, versions: hubLine.tile_versions };
    const session = new AssignmentSession(assignment, campaign, picture, base, restored, start, journal, lock);
    session.editor.history.replay(restored.past);
    if (restored.from !== null)
      session.line.rebaseOnto(start.acknowledged, start.versions, restored.unsent, Math.min(restored.from, start.acknowledged + 1));
    return session;
  }

  /** The hub's line is not ours: take it, and replay what it lacks on top. Strokes drawn meanwhile are carried over. */
  private async reconcile(): Promise<void> {
    const hubLine = await api.get("/api/v1/assignments/{id}/edits/", { path: { id: this.assignment.id } });
    const past = await decodeLine(hubLine);
    // From here on nothing waits, so that no stroke can come between.
    this.editor.commit();
    const known = new Set(hubLine.edits.map((edit) => edit.uuid));
    const { map, values, unsent } = reconcile(this.base, past, known, this.editor, this.line.waiting, this.form.lasting);
    if (!sameLabels(map, this.editor.map) || !sameValues(values, this.editor.values)) this.editor.replace(map, values, [...past, ...unsent]);
    this.revision.value++;
    this.line.rebaseOnto(hubLine.edits.length, hubLine.tile_versions, unsent);
  }

  /** What tools may know. Built anew for each event; cheap. */
  scene(): Scene {
    const { map } = this.editor;
    return {
      cellAt: (at) => map.at(Math.floor(at.y), Math.floor(at.x)),
      nextId: () => map.nextId(),
      selected: this.selected.value,
      paintClass: this.paintClass.value,
      radius: this.radius.value,
      protect: this.protect.value,
      fillCircled: this.fillCircled.value,
      plane: this.plane.value,
      tolerance: this.tolerance.value,
    };
  }

  /** Carry out what a tool asks; panning is handed back. */
  perform(operations: readonly Operation[], pan: (dy: number, dx: number) => void = () => {}): void {
    perform(operations, this.editor, (operation: ViewOperation) => {
      switch (operation.kind) {
        case "select":
          this.selected.value = operation.id;
          break;
        case "switch":
          this.tool.value = operation.tool;
          break;
        case "sketch":
          this.sketch.value = operation.sketch;
          break;
        case "tolerance":
          this.tolerance.value = operation.tolerance;
          break;
        default:
          pan(operation.dy, operation.dx);
      }
    });
    this.letGoOfVanished();
  }

  /** The pointer did something with `tool` in hand. */
  point(tool: ToolId, step: PointerStep, pan: (dy: number, dx: number) => void): void {
    this.lastStep = step;
    this.perform(this.toolbox.step(tool, step, this.scene()), pan);
  }

  /** Enter: a tool that waits for further points has all. False where none waits. */
  finishTool(): boolean {
    if (!this.lastStep || !this.toolbox.pending) return false;
    this.perform(this.toolbox.step(this.tool.value, { ...this.lastStep, kind: "finish" }, this.scene()));
    return true;
  }

  /** Escape, or another tool: what waits for further points is given up. False where nothing waits. */
  leaveTool(): boolean {
    if (!this.lastStep || !this.toolbox.pending) return false;
    this.perform(this.toolbox.leave(this.lastStep, this.scene()));
    return true;
  }

  deleteCell(id: number): void {
    this.perform(deleteOperations(id, this.selected.value));
  }

  /** Say something: key -> value, null to take it back. One edit and one step of undo, however many keys. */
  change(tool: string, params: ToolParams, wanted: Readonly<Record<string, Value | null>>): boolean {
    return this.editor.change(tool, params, wanted);
  }

  /** Ask the hub for the assignment again, once it has everything: what an answer reveals is in `given` then. */
  async refresh(): Promise<void> {
    await this.line.settled();
    this.shown.value = shownOf(await api.get("/api/v1/assignments/{id}/", { path: { id: this.assignment.id } }));
  }

  undo(): void {
    this.editor.undo();
    this.letGoOfVanished();
  }

  redo(): void {
    this.editor.redo();
    this.letGoOfVanished();
  }

  /** A cell that an undo took away must not be what the brush goes on with. */
  private letGoOfVanished(): void {
    if (this.selected.value !== null && this.editor.map.area(this.selected.value) === 0) this.selected.value = null;
  }

  /** How sure the checkpoint was of a cell of the draft; null for cells that people drew. */
  certainty(id: number): number | null {
    return this.assignment.draft?.cells[String(id)] ?? null;
  }

  /** Hand the reading in. Throws the reason where the hub does not take it; the work stays. */
  async submit(): Promise<void> {
    this.editor.commit();
    for (let attempt = 0; ; attempt++) {
      await this.line.settled();
      const body = {
        edit_count: this.line.editCount,
        labels_sha256: await readingSha256(this.editor.map.data, this.editor.values, this.form),
        active_seconds: this.activity.activeSeconds,
      };
      try {
        await api.post("/api/v1/assignments/{id}/submit/", { path: { id: this.assignment.id }, body });
        break;
      } catch (error) {
        const again = error instanceof Problem && error.status === 409 && error.code === "conflict" && attempt === 0;
        if (!again) throw error;
        await this.reconcile(); // the hub lacks something, or has more: bring both to one line, then ask once more
      }
    }
    await this.journal.clear(this.assignment.id);
    this.close();
  }

  /** Give the work back: edits stay with the hub, the slot is free. */
  async giveBack(): Promise<void> {
    this.editor.commit();
    await this.line.settled();
    await api.post("/api/v1/assignments/{id}/return/", { path: { id: this.assignment.id } });
    this.close();
  }

  /** After a lost lease: ask for it again; where it is granted, go on sending. */
  async renewLease(): Promise<boolean> {
    await this.lease.renew();
    if (this.lease.lost.value) return false;
    this.line.retry();
    return true;
  }

  close(): void {
    this.watching.forEach((stop) => stop());
    this.line.close();
    this.lease.stop();
    this.lock.give();
  }
}

function sameLabels(a: LabelMap, b: LabelMap): boolean {
  return a.data.every((id, i) => id === b.data[i]);
}
