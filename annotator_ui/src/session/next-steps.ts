/** The wheel at a glance: how much is where, and what would move it on. */

import type { Campaign, Dataset, ModelCardSummary, ReleaseSummary, TrainingRunSummary } from "../api/types";

export interface Wheel {
  readonly datasets: readonly Dataset[];
  readonly campaigns: readonly Campaign[];
  readonly disagreements: number;
  readonly releases: readonly ReleaseSummary[];
  readonly runs: readonly TrainingRunSummary[];
  readonly cards: readonly ModelCardSummary[];
  readonly rounds: number;
}

export interface Step {
  readonly key: string;
  readonly title: string;
  readonly why: string;
  readonly href: string;
  readonly verb: string;
}

function plural(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? "" : "s"}`;
}

const pageOf = (reference: string) => `/releases/${reference.replace("@", "/")}`;

/** Most useful first. Empty where everything turns by itself. */
/** By the numbers of the versions. */
function isNewer(release: ReleaseSummary, other: ReleaseSummary | undefined): boolean {
  if (!other) return true;
  const [mine, its] = [release, other].map((one) => one.version.split(".").map(Number)) as [number[], number[]];
  const at = mine.findIndex((part, i) => part !== its[i]);
  return at >= 0 && mine[at]! > its[at]!;
}

/** `mine` says whose datasets and campaigns the person may change: no step is of another lab's. */
export function nextSteps(wheel: Wheel, mine: (name: string) => boolean = () => true): Step[] {
  const steps: Step[] = [];
  const add = (key: string, title: string, why: string, href: string, verb: string) => steps.push({ key, title, why, href, verb });
  if (wheel.datasets.length === 0) add("dataset", "Make a first dataset", "Everything starts from images.", "/datasets?new", "New dataset");
  if (wheel.disagreements > 0)
    add("settle", `Settle ${plural(wheel.disagreements, "disagreement")}`, "Each takes seconds, and images wait for it.", "/disagreements", "Settle");
  for (const release of wheel.releases.filter((release) => release.state === "failed"))
    add(`failed:${release.id}`, `Publishing ${release.reference} failed`, release.error, pageOf(release.reference), "Look");
  for (const dataset of wheel.datasets.filter((one) => mine(one.name))) {
    const campaigns = wheel.campaigns.filter((campaign) => campaign.dataset === dataset.name);
    const at = `/datasets/${dataset.name}`;
    if (dataset.images === 0) add(`images:${dataset.name}`, `Add images to ${dataset.title}`, "It has none yet.", at, "Add images");
    else if (campaigns.length === 0)
      add(`campaign:${dataset.name}`, `Start a campaign over ${dataset.title}`, `${plural(dataset.images, "image")} wait to be read.`, `${at}?campaign`, "New campaign");
  }
  for (const campaign of wheel.campaigns.filter((one) => mine(one.name))) {
    const at = `/campaigns/${campaign.name}`;
    const { items, settled, readings_done, readings_needed } = campaign.progress;
    if (campaign.state === "draft") add(`open:${campaign.name}`, `Open ${campaign.title}`, "People see it once it is open.", at, "Open it");
    const published = wheel.releases.filter((release) => release.campaign === campaign.name && release.state === "published");
    const running = wheel.releases.some((release) => release.campaign === campaign.name && ["draft", "publishing"].includes(release.state));
    const known = Math.max(0, ...published.map((release) => release.counts.images));
    if (settled > known && !running)
      add(
        `publish:${campaign.name}`,
        published.length ? `Publish the next release of ${campaign.dataset}` : `Publish ${campaign.dataset}`,
        `${plural(settled - known, "settled image")} ${settled - known === 1 ? "is" : "are"} in no release.`,
        `${at}?publish`,
        "Publish",
      );
    const trained = wheel.cards.some((card) => published.some((release) => release.reference === card.release));
    const begun = Math.ceil(readings_done / Math.max(1, campaign.readings_needed));
    if (campaign.state === "open" && trained && readings_done < readings_needed && items - begun > 0)
      add(`rank:${campaign.name}`, `Ask what the model knows least`, `${campaign.title} has images nobody has read.`, `${at}#rounds`, "Rank the queue");
  }
  const newest = new Map<string, ReleaseSummary>();
  for (const release of wheel.releases)
    if (release.state === "published" && !release.withdrawn && isNewer(release, newest.get(release.dataset))) newest.set(release.dataset, release);
  for (const release of newest.values()) {
    const used = wheel.cards.some((card) => card.release === release.reference) || wheel.runs.some((run) => run.release === release.reference && run.state !== "failed" && run.state !== "cancelled");
    if (!used) add(`train:${release.reference}`, `Train on ${release.reference}`, "No model has seen this release yet.", `${pageOf(release.reference)}?train`, "Train");
  }
  return steps;
}
