/** Keys for how image and cells look. */

import { COLOURINGS, type Colouring } from "../../layers/label-layer";
import type { AssignmentSession } from "../../session/assignment";
import type { Display } from "./display";
import type { Key } from "./keys";

export const COLOURING_WORDS: Readonly<Record<Colouring, string>> = {
  id: "One colour a cell",
  one: "All alike",
  certainty: "By the draft's certainty",
};

/** The next way to colour cells; by certainty only where a draft has one. */
export function nextColouring(now: Colouring, certain: boolean): Colouring {
  const ways = COLOURINGS.filter((way) => certain || way !== "certainty");
  return ways[(ways.indexOf(now) + 1) % ways.length]!;
}

/** Contrast from the image for all channels, and the image inverted. */
export function imageKeys(session: Pick<AssignmentSession, "picture">, display: Display): Key[] {
  return [
    { keys: ["a"], shown: ["A"], does: "Set the contrast of all channels from the image", run: () => session.picture.autoContrastAll() },
    { keys: ["i"], shown: ["I"], does: "Invert the image", run: () => (display.inverted.value = !display.inverted.value) },
  ];
}

export function colouringKey(session: Pick<AssignmentSession, "assignment">, display: Display): Key {
  return {
    keys: ["k"],
    shown: ["K"],
    does: "Colour cells in another way",
    run: () => (display.colouring.value = nextColouring(display.colouring.value, hasCertainty(session))),
  };
}

export function hasCertainty({ assignment }: Pick<AssignmentSession, "assignment">): boolean {
  return Object.keys(assignment.draft?.cells ?? {}).length > 0;
}
