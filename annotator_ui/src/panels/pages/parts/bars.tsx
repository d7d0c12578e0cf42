/** Bars that say how far something is, or what it is made of. */

import { counted, percent, percents, share } from "./figures";

export function Meter({ part, whole, label, tone = "" }: { part: number; whole: number; label: string; tone?: "" | "warn" | "bad" | "quiet" }) {
  return (
    <div
      class={`meter ${tone}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent(part, whole)}
    >
      <i style={{ width: `${share(part, whole) * 100}%` }} />
    </div>
  );
}

export interface Piece {
  readonly name: string;
  readonly value: number;
  readonly tone: "accent" | "info" | "amber" | "bad" | "rest";
}

/** One bar in pieces with its legend; `noun` is what is counted. */
export function PieceBar({ pieces, noun, plural, shares: withShares = true }: { pieces: readonly Piece[]; noun: string; plural?: string; shares?: boolean }) {
  const shares = percents(pieces.map((piece) => piece.value));
  const said = pieces.map((piece) => `${piece.name}: ${counted(piece.value, noun, plural)}`).join(", ");
  return (
    <div class="pieces">
      <div class="piece-bar" role="img" aria-label={said}>
        {pieces.map((piece, i) => piece.value > 0 && <i key={piece.name} class={piece.tone} style={{ flexGrow: piece.value }} title={`${piece.name} ${shares[i]} %`} />)}
      </div>
      <ul class="legend">
        {pieces.map((piece, i) => (
          <li key={piece.name}>
            <i class={piece.tone} />
            {piece.name} <strong>{piece.value.toLocaleString("en")}</strong>
            {withShares ? <span class="dim">{shares[i]} %</span> : <span class="dim">{plural ?? noun}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}
