/** What it means to show a lab's own dataset to the hub. No browser needed. */

import type { VisibilityChange } from "../../../api/types";
import { counted } from "./figures";

/** "Everybody of this hub sees its 12 images, 2 campaigns and 1 model." */
export function becomesVisible(change: Pick<VisibilityChange, "images" | "campaigns" | "models">): string {
  const told = [counted(change.images, "image"), ...(change.campaigns > 0 ? [counted(change.campaigns, "campaign")] : []), ...(change.models > 0 ? [counted(change.models, "model")] : [])];
  const last = told.pop()!;
  return `Everybody of this hub sees it from then on, with its ${told.length > 0 ? `${told.join(", ")} and ${last}` : last}; who annotates may be asked to read them.`;
}

/** Of the releases that become public with it. */
export function isOpened(releases: number): string {
  return `Anybody, without signing in, can read and download ${releases === 1 ? "this release" : `these ${releases} releases`} from then on, under the licence that ${releases === 1 ? "it states" : "each states"}:`;
}
