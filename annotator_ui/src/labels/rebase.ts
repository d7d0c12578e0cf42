/** Moving edits that the server has not seen onto a base that others have changed meanwhile. */

import type { LabelMap } from "./label-map";
import { applyDelta, eachPixel, TILE, TILE_PIXELS, toRuns, type Delta, type TileDelta } from "./tiles";

/**
 * Replay `pending` (drawn in order on `drawnOn`) onto `onto`. Each stroke keeps its meaning: the pixels it set get the
 * ids it gave them, whatever lies there now. Both maps are changed: `drawnOn` becomes what the person saw, `onto` the
 * result. Returns the deltas as they are on the new base; a tile, or a whole delta, that no longer changes anything is empty.
 */
export function rebase(pending: readonly Delta[], drawnOn: LabelMap, onto: LabelMap): Delta[] {
  return pending.map((delta) => {
    const moved: TileDelta[] = [];
    for (const tile of delta) {
      const xor = new Uint32Array(TILE_PIXELS);
      eachPixel(drawnOn, tile, (index, change) => {
        const meant = (drawnOn.data[index]! ^ change) >>> 0;
        const row = Math.floor(index / drawnOn.width) - tile.y * TILE;
        const column = (index % drawnOn.width) - tile.x * TILE;
        xor[row * TILE + column] = onto.data[index]! ^ meant;
      });
      const runs = toRuns(xor);
      if (runs.length > 0) moved.push({ y: tile.y, x: tile.x, runs });
    }
    applyDelta(drawnOn, delta);
    applyDelta(onto, moved);
    return moved;
  });
}
