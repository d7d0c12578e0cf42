/** The keys of tracking. */

import type { LinkingTool } from "../../../../lineage/linking-tool";
import type { Scope } from "../../../../lineage/operations";
import type { Tracking } from "../../../../session/tracking";
import type { Display } from "../../display";
import { labelKeys, sheetKey, viewKeys, workKeys, type Key, type KeyGroup } from "../../keys";
import type { IconName } from "../../icons";
import type { Look } from "./look";

export interface LinkingChoice {
  readonly id: LinkingTool;
  readonly key: string;
  readonly icon: IconName;
  readonly label: string;
  readonly hint: string;
}

export const LINKING_TOOLS: readonly LinkingChoice[] = [
  { id: "select", key: "V", icon: "picker", label: "Select", hint: "Click a cell to select its track; drag to move the image" },
  { id: "link", key: "L", icon: "link", label: "Link", hint: "From the selected cell to the one you choose in a later frame, and on from there" },
  { id: "divide", key: "D", icon: "divide", label: "Divide", hint: "The selected cell is the mother; then choose two daughters" },
  { id: "swap", key: "S", icon: "swap", label: "Swap", hint: "Two cells of one frame exchange who they are: past, this frame, or future" },
  { id: "assign", key: "A", icon: "assign", label: "Give to this track", hint: "Choose the cell that belongs to the selected track: past, this frame, or future" },
];

export interface CutChoice {
  readonly scope: Scope;
  readonly key: string;
  readonly icon: IconName;
  readonly label: string;
  readonly hint: string;
}

export const CUTS: readonly CutChoice[] = [
  { scope: "future", key: "U", icon: "unlink", label: "Unlink: a new track begins here", hint: "Cuts the link to the frame before" },
  { scope: "past", key: "X", icon: "ends", label: "The track ends here", hint: "Cuts the links to later frames" },
  { scope: "this", key: "I", icon: "isolate", label: "Take this cell out", hint: "It stands alone; its track closes up over the gap" },
];

export const SCOPES: readonly { scope: Scope; key: string; label: string; hint: string }[] = [
  { scope: "past", key: "1", label: "Past", hint: "up to this frame" },
  { scope: "this", key: "2", label: "This", hint: "this frame only" },
  { scope: "future", key: "3", label: "Future", hint: "from this frame on" },
];

export function trackingKeys(tracking: Tracking, display: Display, look: Look, move: (rows: number) => void, frame: { submit(): void; showKeys(): void }): KeyGroup[] {
  const { movie } = tracking;
  const step = (by: number) => {
    movie.pause();
    void movie.goTo(movie.frame.peek() + by);
  };
  const towards = (key: string, dy: number, dx: number): Key => ({ keys: [key], shift: true, shown: [], does: "", run: () => tracking.selectTowards(dy, dx) });
  const toEnd = (last: boolean) => {
    const track = tracking.track.peek();
    movie.pause();
    void movie.goTo(last ? (track?.end ?? movie.frames - 1) : (track?.begin ?? 0));
  };
  return [
    {
      group: "Links",
      keys: [
        ...LINKING_TOOLS.map(({ id, key, label }): Key => ({ keys: [key.toLowerCase()], shown: [key], does: label, run: () => tracking.take(id) })),
        { keys: ["enter"], shift: true, shown: [], does: "", run: () => tracking.accept(true) },
        { keys: ["enter"], shown: ["↵"], does: "Choose the selected cell for the tool in hand", run: () => tracking.accept() },
        { keys: ["g"], shown: ["G"], does: "Go on by overlap, until in doubt", run: () => void tracking.extend() },
        ...CUTS.map(({ scope, key, label }): Key => ({ keys: [key.toLowerCase()], shown: [key], does: label, run: () => tracking.cut(scope) })),
        ...SCOPES.map(({ scope, key, hint }, i): Key => ({
          keys: [key],
          shown: i === 0 ? ["1", "2", "3"] : [],
          does: i === 0 ? "Swap and give: past, this frame, future" : "",
          run: () => {
            tracking.scope.value = scope;
            tracking.say("info", `Swap and give: ${hint}.`);
          },
        })),
        { keys: ["escape"], shown: ["Esc"], does: "Put the tool away, then let go of the track", run: () => tracking.escape() },
        ...workKeys(tracking, frame.submit),
      ],
    },
    {
      group: "Movie and cells",
      keys: [
        towards("arrowup", -1, 0),
        towards("arrowdown", 1, 0),
        towards("arrowleft", 0, -1),
        towards("arrowright", 0, 1),
        { keys: [",", "arrowleft"], shown: ["←", ","], does: "Frame before", run: () => step(-1) },
        { keys: [".", "arrowright"], shown: ["→", "."], does: "Next frame", run: () => step(1) },
        { keys: ["p"], shown: ["P"], does: "Play, or stop", run: () => movie.play() },
        { keys: ["home"], shown: ["Home"], does: "Where the track begins", run: () => toEnd(false) },
        { keys: ["end"], shown: ["End"], does: "Where the track ends", run: () => toEnd(true) },
        { keys: ["arrowdown"], shown: ["↓"], does: "Next cell of this frame; the nearest to where the track was", run: () => tracking.selectNext(1) },
        { keys: ["arrowup"], shown: ["↑"], does: "Previous cell of this frame", run: () => tracking.selectNext(-1) },
        { keys: [], shown: ["Shift ↑↓←→"], does: "The neighbour in that direction", run: () => {} },
        { keys: ["]"], shown: ["]"], does: "Next track of the list", run: () => move(1) },
        { keys: ["["], shown: ["["], does: "Previous track of the list", run: () => move(-1) },
        { keys: ["e"], shift: true, shown: [], does: "", run: () => tracking.nextEvent(-1) },
        { keys: ["e"], shown: ["E"], does: "Next suspicious place (Shift E: previous)", run: () => tracking.nextEvent(1) },
        { keys: ["r"], shown: ["R"], does: "Repair this suspicious place as proposed", run: () => tracking.takeFix() },
        { keys: ["k"], shown: ["K"], does: "This suspicious place is fine", run: () => tracking.dismiss() },
      ],
    },
    {
      group: "View",
      keys: [
        ...viewKeys(display, false),
        ...labelKeys(display),
        { keys: ["t"], shown: ["T"], does: "Trails: longer, none", run: () => look.nextTrails() },
        { keys: ["b"], shown: ["B"], does: "The track's outlines before and after", run: () => (look.onion.value = !look.onion.peek()) },
        { keys: ["n"], shown: ["N"], does: "Track numbers", run: () => (look.numbers.value = !look.numbers.peek()) },
        { keys: ["w"], shown: ["W"], does: "The lineage tree", run: () => (look.tree.value = !look.tree.peek()) },
        { keys: ["c"], shown: ["C"], does: "Keep the track in the middle", run: () => (look.centred.value = !look.centred.peek()) },
        sheetKey(frame.showKeys),
      ],
    },
  ];
}
