/** States of campaigns, runs, releases and imports as coloured words. */

const TONES: Record<string, string> = {
  open: "good",
  published: "good",
  finished: "good",
  settled: "good",
  ready: "good",
  running: "info",
  publishing: "info",
  cancelling: "warn",
  disputed: "warn",
  cancelled: "",
  asking: "warn",
  failed: "bad",
};

export function StateBadge({ state }: { state: string }) {
  const going = state === "running" || state === "publishing";
  return (
    <span class={`badge ${TONES[state] ?? ""}`}>
      {going && <i class="pulse" aria-hidden="true" />}
      {state}
    </span>
  );
}
