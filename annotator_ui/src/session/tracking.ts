/** A movie being tracked: where the person is, what is selected, which tool is in hand, and what it does to the links. */

import { batch, computed, effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { asProblem, type Problem } from "../api/problem";
import type { Point } from "../labels/raster";
import type { Values } from "../labels/values";
import { Detections, frameOf, keyOf, type Cell, type Key } from "../lineage/cells";
import { fixOf, type Fix } from "../lineage/fixes";
import { cellIn, changedLinks, lastUpTo, Lineage, TrackNumbers, type Track } from "../lineage/lineage";
import { choose, take, type Choosing, type LinkingTool } from "../lineage/linking-tool";
import { newTrack, Refusal, type Changes, type Scope } from "../lineage/operations";
import { outcome } from "../lineage/outcome";
import { Watch, type Suspicion } from "../lineage/suspicion";
import { nearest, nearestCell, neighbour } from "../lineage/trails";
import { followOn } from "./follow-on";
import type { Masks } from "./masks";
import { Movie } from "./movie";
import { Proposals } from "./proposals";
import { Review } from "./review";
import type { Said, TrackingHost } from "./tracking-host";

/** While the movie is read, lists follow this often, ms. */
const TELL_EVERY = 600;

export class Tracking {
  readonly movie: Movie;
  /** The frame the person wants to see. */
  readonly frame: ReadonlySignal<number>;
  readonly scope = signal<Scope>("future");
  readonly choosing = signal<Choosing>({ tool: "select", chosen: [] });
  readonly said = signal<Said | null>(null);
  /** Why the cells of all frames cannot be told. */
  readonly unmeasured = signal<Problem | null>(null);
  /** Where the person is to be led; the panel brings it into sight. */
  readonly lookAt = signal<Cell | null>(null);
  readonly detections: Signal<Detections>;
  readonly lineage: ReadonlySignal<Lineage>;
  /** What is suspicious; nothing until all frames are measured: before, every track seems to end. */
  readonly review: Review;
  readonly proposals: Proposals;
  /** The correction that fits the suspicious place the person is at; see `takeFix`. */
  readonly fix: ReadonlySignal<Fix | null>;
  readonly selected = signal<Key | null>(null);
  readonly track: ReadonlySignal<Track | null>;
  /** The selected track's cell in this frame. */
  readonly here: ReadonlySignal<Cell | null>;
  private readonly stops: (() => void)[];
  private sayings = 0;

  constructor(
    private readonly host: TrackingHost,
    readonly masks: Masks,
  ) {
    this.movie = new Movie(masks, host.picture);
    this.frame = this.movie.frame;
    const { height, width } = masks.size;
    const numbers = new TrackNumbers();
    const { draft } = host.assignment;
    this.detections = signal(Detections.empty(masks.frames, height, width));
    let last: { links: Values; lineage: Lineage } | null = null;
    this.lineage = computed(() => {
      const links = host.values.value;
      const detections = this.detections.value;
      // An edit makes anew only the families that it concerns.
      const same = last?.lineage.detections === detections;
      const lineage = same ? last!.lineage.after(links, changedLinks(last!.links, links)) : new Lineage(detections, links, numbers);
      last = { links, lineage };
      return lineage;
    });
    const watch = new Watch(draft?.cells, draft?.values);
    this.proposals = new Proposals(host.proposals, this.lineage);
    // What has been proposed is gone through like what is suspicious, and alone, as long as there is any.
    const places = () => {
      const suspicious = watch.look(this.lineage.value);
      return this.proposals.open.value ?? suspicious;
    };
    this.review = new Review(computed(() => (this.detections.value.complete ? places() : [])));
    this.fix = computed(() => {
      const event = this.review.event.value;
      return event && fixOf(this.lineage.value, watch.usual!, event);
    });
    this.track = computed(() => (this.selected.value === null ? null : this.lineage.value.trackOf(this.selected.value)));
    this.here = computed(() => this.track.value && cellIn(this.track.value, this.frame.value));
    this.stops = [effect(() => this.follow()), effect(() => this.light())];
  }

  /** All cells are known: links can be changed. */
  get ready(): boolean {
    return this.detections.value.complete;
  }

  /** Show the first frame and measure all. Again after a failure. */
  async start(): Promise<void> {
    this.unmeasured.value = null;
    void this.movie.goTo(this.frame.peek());
    if (this.detections.peek().complete) return;
    try {
      const waiting = new Map<number, readonly Cell[]>();
      let told = performance.now();
      await this.masks.measure((cells) => {
        for (const [frame, found] of cells) waiting.set(frame, found);
        // Each time all tracks are made anew: not for every frame.
        const last = this.detections.peek().measured + waiting.size === this.movie.frames;
        if (!last && performance.now() - told < TELL_EVERY) return;
        this.detections.value = this.detections.peek().with(waiting);
        waiting.clear();
        told = performance.now();
      });
    } catch (error) {
      this.unmeasured.value = asProblem(error);
    }
  }

  /** The selection goes along with its track from frame to frame. */
  private follow(): void {
    void this.frame.value;
    const cell = this.here.peek();
    if (cell) this.selected.value = cell.key;
  }

  private light(): void {
    const shown = this.movie.shown.value;
    const cell = this.track.value && shown && cellIn(this.track.value, shown.frame);
    this.host.selected.value = cell?.id ?? null;
  }

  /** Select a cell, and go where it is. `look`: bring it into sight. */
  select(cell: Cell | null, look = false): void {
    this.selected.value = cell?.key ?? null;
    if (!cell) return;
    if (cell.frame !== this.frame.peek()) void this.movie.goTo(cell.frame);
    if (look) this.lookAt.value = cell;
  }

  /** From the list: the track, in the frame that was pointed at or where it is nearest to this one. */
  selectTrack(track: Track, frame = this.frame.peek()): void {
    const begun = Math.min(track.end, Math.max(track.begin, frame));
    this.select(nearestCell(track, begun), true);
  }

  /** Where the selected track was last seen, in this frame or before it. */
  private whence(): Cell | null {
    const track = this.track.peek();
    return this.here.peek() ?? (track && lastUpTo(track, this.frame.peek()));
  }

  /** The next cell of this frame by id; where none is selected here, the one nearest to where the track was last. */
  selectNext(direction: 1 | -1): void {
    const cells = this.detections.peek().at(this.frame.peek());
    const here = this.here.peek();
    const from = this.whence();
    const at = cells.findIndex(({ key }) => key === here?.key);
    const first = from ? nearest(cells, from) : cells.at(direction === 1 ? 0 : -1);
    const next = here ? cells[(at + direction + cells.length) % cells.length] : first;
    if (next) this.select(next, true);
  }

  /** The next cell in a direction; where none is selected here, as `selectNext`. */
  selectTowards(dy: number, dx: number): void {
    const here = this.here.peek();
    if (!here) return this.selectNext(1);
    const next = neighbour(this.detections.peek().at(here.frame), here, dy, dx);
    if (next) this.select(next, true);
  }

  /** Without a pointer: choose the selected cell of this frame for the tool in hand. */
  accept(beside = false): void {
    const here = this.here.peek();
    if (here) this.point(here, beside);
    else this.selectNext(1);
  }

  /** Take a tool with the selected cell in hand, or put the tool away. */
  take(tool: LinkingTool): void {
    this.movie.pause();
    const track = this.track.peek();
    const frame = this.frame.peek();
    const here = this.here.peek();
    const inHand = tool === "swap" ? here : tool === "assign" ? track && nearestCell(track, frame) : this.whence();
    this.choosing.value = take(tool, inHand?.key ?? null);
    this.said.value = null;
    if ((tool === "link" || tool === "divide") && inHand?.frame === frame) void this.movie.goTo(frame + 1);
  }

  /** The cell under an image point of the frame that is shown. */
  cellAt(at: Point): Cell | null {
    const shown = this.movie.shown.peek();
    const id = shown?.map.at(Math.floor(at.y), Math.floor(at.x)) ?? 0;
    return (id && shown && this.detections.peek().get(keyOf(shown.frame, id))) || null;
  }

  /** The person points at a cell, or at none. `beside`: see `choose`. */
  point(cell: Cell | null, beside = false): void {
    const choosing = this.choosing.peek();
    if (choosing.tool === "select") {
      this.said.value = null;
      return this.select(cell);
    }
    if (!cell) return;
    this.attempt(() => {
      const { next, selected, edit, forward } = choose(choosing, this.lineage.peek(), cell.key, this.scope.peek(), beside);
      if (edit) this.apply(edit.tool, edit.params, edit.changes);
      this.choosing.value = next;
      this.selected.value = selected;
      if (forward) void this.movie.goTo(this.frame.peek() + 1);
      // A division shows where it is: in the mother's last frame or the daughters' first, whichever is shown.
      else if (edit?.tool === "divide") this.selected.value = cell.key;
    });
  }

  /** Cut at the selected cell: see `newTrack`. */
  cut(scope: Scope): void {
    const cell = this.here.peek();
    if (!cell) return this.say("bad", "Select a cell of this frame first.");
    this.attempt(() => {
      const tool = { future: "unlink", past: "disappear", this: "isolate" }[scope];
      this.apply(tool, { cell: cell.key }, newTrack(this.lineage.peek(), cell.key, scope));
    });
  }

  /** Follow the selected track on by overlap, to the first place that is not plain. One step of undo. */
  async extend(): Promise<void> {
    const track = this.track.peek();
    if (!track) return this.say("bad", "Select a track first.");
    if (!this.detections.peek().complete) return this.attempt(() => {});
    if (track.daughters.length > 0) return this.say("bad", `Track ${track.number} ends with a division.`);
    const begun = track.cells.at(-1)!;
    const { changes, last, doubt } = await followOn(begun, this.lineage.peek(), this.masks);
    // The person may have linked something while masks were on their way.
    if (this.lineage.peek().childrenOf(begun.key).length > 0) return;
    batch(() => {
      if (last !== begun) this.host.change("extend", { from: begun.key, to: last.key }, changes);
      this.select(last, true);
      this.say("info", `${last === begun ? "Stays here" : `Followed to frame ${last.frame + 1}`}: ${doubt}.`);
    });
  }

  say(tone: Said["tone"], text: string): void {
    this.said.value = { tone, text, number: ++this.sayings };
  }

  private attempt(act: () => void): void {
    if (!this.detections.peek().complete) return this.say("bad", "The movie is still being read; links can be changed in a moment.");
    try {
      batch(act);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.say("bad", error.message);
    }
  }

  private apply(tool: string, params: Record<string, string>, changes: Changes): void {
    const changed = this.host.change(tool, params, changes);
    this.say("info", changed ? outcome(this.lineage.peek(), tool, params) : "It is so already.");
  }

  undo(): void {
    this.travel(() => this.host.undo(), "Undone.");
  }

  redo(): void {
    this.travel(() => this.host.redo(), "Done again.");
  }

  /** Carry out, and go where something changed unless it is in sight. */
  private travel(act: () => void, text: string): void {
    const before = this.host.values.peek();
    act();
    const after = this.host.values.peek();
    const changed = changedLinks(before, after);
    this.choosing.value = { tool: "select", chosen: [] };
    this.light();
    if (changed.length === 0) return;
    this.say("info", text);
    const frame = this.frame.peek();
    if (changed.some((key) => Math.abs(frameOf(key) - frame) <= 1)) return;
    const cell = this.detections.peek().get(changed.sort((a, b) => frameOf(a) - frameOf(b))[0]!);
    if (cell) this.select(cell, true);
  }

  /** Go to the next suspicious event, or the one before. */
  nextEvent(direction: 1 | -1): void {
    this.lookInto(this.review.next(this.frame.peek(), direction));
  }

  lookInto(event: Suspicion | null): void {
    this.movie.pause();
    this.choosing.value = { tool: "select", chosen: [] };
    this.review.current.value = event?.id ?? null;
    if (event) this.select(event.cell, true);
    const none = this.ready ? "Nothing suspicious is left." : "The movie is still being read.";
    this.say("info", event?.text ?? none);
  }

  /** The current event is no error: it is not shown again, and the next one comes. */
  dismiss(id = this.review.current.peek()): void {
    if (id === null) return;
    const event = this.review.events.peek().find((each) => each.id === id);
    const wasCurrent = id === this.review.current.peek();
    const next = this.review.dismiss(id, this.frame.peek());
    if (event?.kind === "proposed") this.proposals.reject(event.cell.key);
    if (wasCurrent) this.lookInto(next);
  }

  /** Do what is proposed for the suspicious place the person is at, and go on to the next. One step of undo. */
  takeFix(): void {
    const event = this.review.event.peek();
    const fix = this.fix.peek();
    if (!event) return this.say("bad", "Go to a suspicious place first (E).");
    if (!fix) return this.say("bad", "Nothing is proposed here: link or cut by hand, or say that it is fine (K).");
    this.attempt(() => {
      const after = this.review.next(this.frame.peek(), 1);
      this.host.change("fix", { kind: event.kind, cell: event.cell.key }, fix.changes);
      // What comes next may be settled by the same correction.
      const next = this.review.events.peek().find(({ id }) => id === after?.id) ?? this.review.next(event.cell.frame, 1);
      this.lookInto(next?.id === event.id ? null : next);
      this.say("info", `Done: ${fix.text}.`);
    });
  }

  /** Take all proposed links that two methods agree on and that cut nothing. One step of undo. */
  takeSure(): void {
    const changes = this.proposals.sure();
    const count = Object.keys(changes).length;
    if (count === 0) return this.say("info", "The methods agree on none of what is left.");
    this.attempt(() => {
      this.host.change("proposed", { links: String(count) }, changes);
      this.review.current.value = null;
      this.say("info", `Linked ${count.toLocaleString("en")} cells on which both methods agree.`);
    });
  }

  /** Put the tool away; then let go of the selection. */
  escape(): void {
    this.said.value = null;
    if (this.choosing.peek().tool !== "select") this.choosing.value = { tool: "select", chosen: [] };
    else this.selected.value = null;
  }

  close(): void {
    this.movie.pause();
    this.stops.forEach((stop) => stop());
    this.masks.close();
  }
}
