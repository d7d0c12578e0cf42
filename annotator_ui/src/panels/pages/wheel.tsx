/** The wheel as a ring of six stations with their counts, and the next useful steps beside it. */

import { mayChange } from "../../session/people";
import { nextSteps, type Wheel } from "../../session/next-steps";
import { readWheel } from "../../session/wheel";
import { counted } from "./parts/figures";
import { Pending } from "./parts/pending";
import { useEvery, useReply } from "./parts/reply";

const SIZE = 440;
const CENTRE = SIZE / 2;
const RADIUS = 158;
const NODE = 50;

interface Station {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly href: string;
  readonly busy: boolean;
}

function stationsOf(wheel: Wheel): Station[] {
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const open = wheel.campaigns.filter((campaign) => campaign.state === "open");
  const published = wheel.releases.filter((release) => release.state === "published");
  const training = wheel.runs.filter((run) => ["waiting", "running", "cancelling"].includes(run.state));
  return [
    { label: "Images", value: String(sum(wheel.datasets.map((dataset) => dataset.images))), note: counted(wheel.datasets.length, "dataset"), href: "/datasets", busy: false },
    { label: "Readings", value: String(sum(wheel.campaigns.map((campaign) => campaign.progress.readings_done))), note: `${open.length} open`, href: "/campaigns", busy: open.some((campaign) => campaign.progress.readings_done < campaign.progress.readings_needed) },
    { label: "Consensus", value: String(sum(wheel.campaigns.map((campaign) => campaign.progress.settled))), note: `${wheel.disagreements} to settle`, href: "/disagreements", busy: wheel.disagreements > 0 },
    { label: "Releases", value: String(published.length), note: published[0] ? `newest ${published[0].version}` : "none yet", href: "/releases", busy: published.length < wheel.releases.filter((release) => release.state !== "failed").length },
    { label: "Models", value: String(wheel.cards.length), note: training.length ? `${training.length} training` : "", href: "/models", busy: training.length > 0 },
    { label: "Rounds", value: String(wheel.rounds), note: "turns so far", href: "/campaigns", busy: false },
  ];
}

function at(angle: number, radius = RADIUS): [number, number] {
  return [CENTRE + radius * Math.sin(angle), CENTRE - radius * Math.cos(angle)];
}

function Ring({ stations }: { stations: readonly Station[] }) {
  const turn = (2 * Math.PI) / stations.length;
  const gap = (NODE + 9) / RADIUS;
  return (
    <svg class="wheel" viewBox={`0 0 ${SIZE} ${SIZE}`} role="group" aria-label="The wheel: images, readings, consensus, releases, models, rounds">
      <defs>
        <marker id="wheel-arrow" viewBox="0 0 8 8" refX="5" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M1 1 6 4 1 7" fill="none" class="wheel-head" stroke-width="1.4" stroke-linecap="round" />
        </marker>
      </defs>
      {stations.map((station, i) => {
        const [x0, y0] = at(i * turn + gap);
        const [x1, y1] = at((i + 1) * turn - gap);
        return <path key={station.label} class="wheel-arc" d={`M${x0} ${y0}A${RADIUS} ${RADIUS} 0 0 1 ${x1} ${y1}`} marker-end="url(#wheel-arrow)" />;
      })}
      {stations.map((station, i) => {
        const [x, y] = at(i * turn);
        return (
          <a key={station.label} href={station.href} class={station.busy ? "station busy" : "station"} aria-label={`${station.label}: ${station.value} ${station.note}`}>
            <circle cx={x} cy={y} r={NODE} />
            <text x={x} y={y - 2} class="station-value">
              {station.value}
            </text>
            <text x={x} y={y + 16} class="station-label">
              {station.label}
            </text>
            {station.note && (
              <text x={x} y={y + 31} class="station-note">
                {station.note.length > 15 ? `${station.note.slice(0, 14)}…` : station.note}
              </text>
            )}
          </a>
        );
      })}
      <text x={CENTRE} y={CENTRE - 4} class="wheel-centre">
        The wheel
      </text>
      <text x={CENTRE} y={CENTRE + 16} class="wheel-said">
        every turn, better questions
      </text>
    </svg>
  );
}

function Steps({ wheel }: { wheel: Wheel }) {
  const steps = nextSteps(wheel, mayChange).slice(0, 4);
  const running = wheel.runs.filter((run) => run.state === "running");
  return (
    <div class="next-steps">
      <h2>{steps.length ? "Next useful step" : "All is turning"}</h2>
      {steps.length === 0 && <p class="dim">Readings come in by themselves. You will see here when something waits for you.</p>}
      <ol>
        {steps.map((step, i) => (
          <li key={step.key} class={i === 0 ? "first" : ""}>
            <div>
              <strong>{step.title}</strong>
              <span class="dim">{step.why}</span>
            </div>
            <a class={i === 0 ? "button primary" : "button small"} href={step.href}>
              {step.verb}
            </a>
          </li>
        ))}
        {running.map((run) => (
          <li key={run.id}>
            <div>
              <strong>Training on {run.release}</strong>
              <span class="dim">{Math.round((run.progress.fraction ?? 0) * 100)} % done</span>
            </div>
            <a class="button small" href={`/training-runs/${run.id}`}>
              Watch
            </a>
          </li>
        ))}
      </ol>
    </div>
  );
}

export function WheelView() {
  const reply = useReply(readWheel, []);
  useEvery(15, true, () => void reply.reload());
  return (
    <Pending reply={reply} skeleton="page">
      {(wheel) => (
        <section class="card wheel-card" aria-label="The hub at a glance">
          <Ring stations={stationsOf(wheel)} />
          <Steps wheel={wheel} />
        </section>
      )}
    </Pending>
  );
}
