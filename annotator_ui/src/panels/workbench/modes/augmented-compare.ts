/** How the pictures stand to one another: beside, under a divider, or in turn; and which of them are shown. */

import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import type { Given, Question } from "../../../api/types";
import type { Size } from "../../../layers/view";
import type { ChannelDisplay, Picture } from "../../../session/picture";
import { Display } from "../display";

export type View = "beside" | "swipe" | "blink";

export interface Shown {
  /** `source`, or the key of what is given. */
  readonly key: string;
  /** One letter or word upon the picture. */
  readonly short: string;
  readonly title: string;
  readonly picture: Picture;
}

const ROLES: Readonly<Record<string, string>> = { real: "real", predicted: "predicted", older: "the older model" };

/** What stands upon a picture; roles only once they are told. */
export function titleOf({ key, kind, role, title }: Pick<Given, "key" | "kind" | "role" | "title">, question: Question | null): { short: string; title: string } {
  if (kind === "target") return { short: "Real", title: title || "The real counterpart" };
  const letter = key.toUpperCase();
  const told = role === "predicted" && question === "preference" ? "the newer model" : role ? (ROLES[role] ?? role) : "";
  return { short: letter, title: told ? `${letter} · ${told}` : letter };
}

/** The two that are compared first: candidates where there are two, else the source and what is given. */
export function firstPair(keys: readonly string[]): readonly [string, string] {
  if (keys.includes("a") && keys.includes("b")) return ["a", "b"];
  return [keys[0]!, keys[1] ?? keys[0]!];
}

/** How many columns show `count` pictures of this shape largest on a screen of that size. */
export function columnsFor(count: number, image: Size, screen: Size): number {
  let best = 1;
  let largest = 0;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const scale = Math.min(screen.width / columns / image.width, screen.height / rows / image.height);
    if (scale > largest * 1.001) [best, largest] = [columns, scale];
  }
  return best;
}

/** One view for all pictures. One that is just being taken off the page has no size, and has no say in what fits. */
export class SharedDisplay extends Display {
  override resize(screen: Size): void {
    if (screen.height > 0 && screen.width > 0) super.resize(screen);
  }
}

/** A share of the width as the divider takes it: never quite at the edge, where it could not be seen. */
export function clampSplit(share: number): number {
  return Math.min(0.99, Math.max(0.01, share));
}

/** Half a period of blinking: slow enough for eyes that flicker harms (WCAG 2.3.1: at most three flashes a second). */
export const BLINK_MS = 700;

export class Compare {
  readonly view = signal<View>("beside");
  readonly pair = signal<readonly [string, string]>(["source", "source"]);
  /** Where the divider is, 0 to 1 of the width. */
  readonly split = signal(0.5);
  /** In turn: the second of the pair is shown. */
  readonly second = signal(false);
  readonly ticking = signal(true);
  readonly hidden = signal<ReadonlySet<string>>(new Set());
  /** What is on the screen, in order. */
  readonly visible: ReadonlySignal<readonly string[]>;

  constructor(readonly keys: readonly string[]) {
    this.pair.value = firstPair(keys);
    this.visible = computed(() => (this.view.value === "beside" ? keys.filter((key) => !this.hidden.value.has(key)) : [...new Set(this.pair.value)]));
  }

  look(view: View): void {
    this.view.value = view;
    if (view === "blink") this.ticking.value = true;
  }

  /** Show or hide one of the pictures beside one another; the last one stays. */
  toggle(key: string): void {
    const hidden = new Set(this.hidden.value);
    if (!hidden.delete(key)) hidden.add(key);
    if (this.keys.some((other) => !hidden.has(other))) this.hidden.value = hidden;
  }

  /** Take `key` into the pair, at `place`; where the other place has it, the two change places. */
  choose(place: 0 | 1, key: string): void {
    const [first, second] = this.pair.value;
    const other = place === 0 ? second : first;
    const mine = place === 0 ? first : second;
    const rest = other === key ? mine : other;
    this.pair.value = place === 0 ? [key, rest] : [rest, key];
  }

  swap(): void {
    const [first, second] = this.pair.value;
    this.pair.value = [second, first];
  }

  move(by: number): void {
    this.split.value = clampSplit(this.split.value + by);
  }

  /** Which of the pair is up while they take turns. */
  get up(): string {
    return this.pair.value[this.second.value ? 1 : 0];
  }

  /** Make sure that a picture is seen, since it is to be worked on. */
  bring(key: string): void {
    if (this.hidden.value.has(key)) this.toggle(key);
    if (!this.pair.value.includes(key)) this.choose(1, key);
  }
}

/** The widest windows of `windows`: in it none of the pictures is cut off, and none is favoured. */
function joined(windows: readonly ChannelDisplay[]): ChannelDisplay {
  return { ...windows[0]!, low: Math.min(...windows.map(({ low }) => low)), high: Math.max(...windows.map(({ high }) => high)) };
}

/**
 * One contrast for pictures that are compared, channel by channel: first the widest, then whatever is set on any of
 * them. A contrast of each own would hide what differs, and tell which is which. Returns how to stop.
 */
export function shareContrast(pictures: readonly Picture[]): () => void {
  const known: ChannelDisplay[] = [];
  return effect(() => {
    const levels = pictures.map((picture) => picture.level.value);
    if (levels.some((level) => level === null)) return;
    const most = Math.max(0, ...levels.map((level) => level!.channels.length));
    for (let i = 0; i < most; i++) {
      const displays = levels.flatMap((level) => level!.channels[i]?.display ?? []);
      const shown = displays.map((display) => display.value);
      const before = known[i];
      const wanted = before ? (shown.find((each) => each !== before) ?? before) : joined(shown);
      known[i] = wanted;
      for (const display of displays) if (display.peek() !== wanted) display.value = wanted;
    }
  });
}

/** The picture whose sliders reach farthest: the contrast of all is set on it. */
export function leaderOf(pictures: readonly Picture[]): Picture | undefined {
  const reach = (picture: Picture) => (picture.level.value?.channels ?? []).reduce((sum, { range }) => sum + range.high - range.low, 0);
  return pictures.reduce<Picture | undefined>((best, picture) => (best && reach(best) >= reach(picture) ? best : picture), undefined);
}
