/** Measures beside the baseline's. */

import { measure } from "./figures";

/** Words for the measures a card has; others keep their own name. */
export const MEASURES: Record<string, string> = {
  f1_50: "F1 at IoU 0.5",
  precision_50: "Precision at IoU 0.5",
  recall_50: "Recall at IoU 0.5",
  ap_50: "AP at IoU 0.5",
  mean_ap: "Mean AP, IoU 0.5 to 0.9",
  iou: "Foreground IoU",
  dice: "Foreground Dice",
  images: "Test images",
  cells: "Cells in them",
};

export function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Bars from 0 to 1: ours, its interval, and a mark where the baseline stands. */
export function Compared(props: { name: string; value: unknown; baseline?: unknown; low?: unknown; high?: unknown }) {
  const value = finite(props.value);
  const baseline = finite(props.baseline);
  const low = finite(props.low);
  const high = finite(props.high);
  if (value === null) return null;
  const gain = baseline === null ? null : value - baseline;
  const at = (part: number) => `${Math.min(1, Math.max(0, part)) * 100}%`;
  return (
    <div class="compared">
      <div class="row apart">
        <span class="dim">{props.name}</span>
        <span>
          <strong>{measure(value)}</strong>
          {gain !== null && (
            <span class={gain >= 0 ? "gain up" : "gain down"}>
              {gain >= 0 ? "+" : "−"}
              {Math.abs(gain).toFixed(3)}
            </span>
          )}
        </span>
      </div>
      <div class="track" role="img" aria-label={`${props.name} ${measure(value)}${baseline === null ? "" : `, baseline ${measure(baseline)}`}${low !== null && high !== null ? `, 95 % interval ${measure(low)} to ${measure(high)}` : ""}`}>
        <i class="value" style={{ width: at(value) }} />
        {low !== null && high !== null && high > low && <i class="interval" style={{ left: at(low), width: at(high - low) }} />}
        {baseline !== null && <i class="baseline" style={{ left: at(baseline) }} title={`Otsu + watershed ${measure(baseline)}`} />}
      </div>
    </div>
  );
}
