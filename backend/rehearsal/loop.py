"""The wheel, turned once: import, annotate, fuse, publish, train, predict, rank, and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.rehearsal.api import Api
from backend.rehearsal.arrays import read_labels_over_http
from backend.rehearsal.person import Reading, SimulatedAnnotator, SimulatedExpert
from backend.rehearsal.pool import Pool
from cellcommons.client import Client
from cellcommons.labels import Labels
from cellcommons.measures.detection import detection_scores, summed
from cellcommons.synthetic.annotator import skilled

DATASET = "rehearsal"
CAMPAIGN = "rehearsal"
PASSWORD = "rehearsal-only-1"
ENDED = ("finished", "failed", "cancelled")


@dataclass(frozen=True)
class Plan:
    """What a rehearsal is asked to do.

    Attributes:
        readings: readings that the policy asks of each image.
        training_seconds: wall budget of each round's training but the last, and of the last.
    """

    annotators: int
    rounds: int
    seed: int
    readings: int = 3
    training_seconds: tuple[float, float] = (90.0, 150.0)


@dataclass
class Loop:
    """One rehearsal on one hub.

    Args:
        curator: a curator's API. pool: the images and their truth. say: called with one line at each step.
        folder: where downloads go.
    """

    curator: Api
    pool: Pool
    plan: Plan
    folder: Path
    say: Callable[[str], None]
    people: list[SimulatedAnnotator] = field(default_factory=list)
    image_ids: dict[str, str] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    releases: list[dict[str, Any]] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    training_seconds: float = 0.0
    expert: SimulatedExpert | None = None

    def run(self) -> None:
        """All rounds."""
        self._import_images()
        self._invite_people()
        names = len(self.pool.entries)
        for number in range(1, self.plan.rounds + 1):
            size = names * number // self.plan.rounds - names * (number - 1) // self.plan.rounds
            self._round(number, size)
        self._score_rounds()

    def _import_images(self) -> None:
        archive = self.pool.zip_into(self.folder / "pool.zip")
        self.curator.post("datasets/", {"slug": DATASET, "title": "Rehearsal", "licence": "CC0-1.0"})
        job = self.curator.upload("imports/", {"dataset": DATASET, "layout": self.pool.layout}, archive)
        done = self.curator.wait(f"imports/{job['id']}/", until=("finished", "failed"))
        if done["state"] == "failed" or done["imported"] != len(self.pool.entries):
            raise RuntimeError(
                f"import: {done['imported']} of {len(self.pool.entries)} images; {done['error'] or done['skipped'][:3]}"
            )
        self.image_ids = {row["name"]: row["id"] for row in self.curator.all("images/", dataset=DATASET)}
        self.say(f"imported {done['imported']} images")

    def _invite_people(self) -> None:
        for index in range(self.plan.annotators):
            name = f"annotator-{index + 1}"
            seed = self.plan.seed * 1000 + index
            self.curator.post("people/", {"username": name, "password": PASSWORD, "role": "annotator"})
            api = Api(self.curator.url, name, PASSWORD)
            self.people.append(SimulatedAnnotator(api, name, skilled(seed), self.pool.truths, seed))
        self.curator.post("people/", {"username": "expert", "password": PASSWORD, "role": "expert"})
        self.expert = SimulatedExpert(Api(self.curator.url, "expert", PASSWORD), self.pool.truths, self.plan.seed)
        campaign = {
            "slug": CAMPAIGN,
            "title": "Rehearsal",
            "dataset": DATASET,
            "task": "instance_segmentation",
            "readings_needed": min(self.plan.readings, self.plan.annotators),
        }
        self.curator.post("campaigns/", campaign)
        self.curator.post(f"campaigns/{CAMPAIGN}/open/")

    def _round(self, number: int, size: int) -> None:
        ranking: dict[str, Any] = {"strategy": "random", "size": size, "seed": self.plan.seed}
        if self.cards:
            ranking = {
                "strategy": "uncertainty",
                "size": size,
                "prediction_run": self._predict(self.cards[-1], "unread")["id"],
            }
        self.curator.post(f"campaigns/{CAMPAIGN}/rounds/", ranking)
        done = self._annotate()
        self._settle()
        release = self._publish(number)
        last = number == self.plan.rounds
        card = self._train(release, self.plan.training_seconds[1 if last else 0])
        self.cards.append(card)
        self.rounds.append(
            {
                "round": number,
                "strategy": ranking["strategy"],
                "images": size,
                "readings": len(done),
                "readings_from_draft": sum(reading.from_draft for reading in done),
                "annotator_seconds": round(sum(reading.seconds for reading in done), 1),
                "annotator_f1": mean(reading.f1 for reading in done),
                "release": release["reference"],
                "model_card": card["name"],
            }
        )

    def _annotate(self) -> list[Reading]:
        def work(person: SimulatedAnnotator) -> list[Reading]:
            return list(person.work(CAMPAIGN))

        with ThreadPoolExecutor(len(self.people)) as threads:
            done = [reading for batch in threads.map(work, self.people) for reading in batch]
        self.readings += done
        self.say(f"{len(done)} readings, mean F1 {mean(reading.f1 for reading in done):.3f}")
        return done

    def _settle(self) -> None:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            self.expert.work(CAMPAIGN)
            progress = self.curator.get(f"campaigns/{CAMPAIGN}/")["progress"]
            complete = len({reading.image for reading in self.readings})
            if progress["settled"] >= complete:
                self.say(
                    f"{progress['settled']} images settled, {self.expert.settled} disagreements decided by the expert"
                )
                return
            time.sleep(0.3)
        raise TimeoutError(f"consensus did not settle: {progress}")

    def _publish(self, number: int) -> dict[str, Any]:
        order = {
            "campaign": CAMPAIGN,
            "title": f"Rehearsal, round {number}",
            "licence": "CC0-1.0",
            "seed": self.plan.seed,
        }
        draft = self.curator.post(f"datasets/{DATASET}/releases/", order)
        path = f"releases/{DATASET}/{draft['edition']}/"
        release = self.curator.wait(path, until=("published", "failed"))
        if release["state"] == "failed":
            raise RuntimeError(f"release: {release['error']}")
        target = self.folder / f"release-{number}"
        Client(self.curator.url).download(release["reference"], target)
        self.releases.append(
            {
                "name": release["reference"],
                "manifest_sha256": release["manifest_sha256"],
                "bytes": release["bytes"],
                "delta_bytes": release["delta_bytes"],
                "splits": release["splits"],
                "downloaded_and_verified": True,
            }
        )
        self.say(f"published {release['reference']} {release['manifest_sha256'][:12]} {release['splits']}")
        return release

    def _train(self, release: dict[str, Any], seconds: float) -> dict[str, Any]:
        started = time.monotonic()
        order = {"release": release["reference"], "seed": self.plan.seed, "budget_seconds": seconds}
        run = self.curator.post("training-runs/", order)
        run = self.curator.wait(f"training-runs/{run['id']}/", until=ENDED, every=1.0)
        self.training_seconds += time.monotonic() - started
        if run["state"] != "finished":
            raise RuntimeError(f"training {run['state']}: {run['error']}")
        card: dict[str, Any] = self.curator.get(f"model-cards/{run['model_card']}/")
        self.say(f"trained {card['name']}: F1 {card['measures']['f1_50']:.3f} on the release's test split")
        return card

    def _predict(self, card: dict[str, Any], scope: str) -> dict[str, Any]:
        order = {"model_card": card["id"], "campaign": CAMPAIGN, "scope": scope}
        run = self.curator.post("prediction-runs/", order)
        run = self.curator.wait(f"prediction-runs/{run['id']}/", until=ENDED)
        if run["state"] != "finished":
            raise RuntimeError(f"prediction {run['state']}: {run['error']}")
        return run

    def _score_rounds(self) -> None:
        """Every round's model against the truth of the last release's test images: none was trained on them."""
        for row, card in zip(self.rounds, self.cards, strict=True):
            row["held_out"] = self.score(self.predictions(card), self.test_images())

    def test_images(self) -> list[str]:
        """Names of the last release's test images."""
        path = f"releases/{self.releases[-1]['name'].replace('@', '/')}/images/"
        return [row["name"] for row in self.curator.all(path) if row["split"] == "test"]

    def predictions(self, card: dict[str, Any]) -> dict[str, Labels]:
        """Image name -> the card's prediction, for the test images."""
        names = {self.image_ids[name]: name for name in self.test_images()}
        run = self._predict(card, "all")
        return {
            names[row["image"]]: read_labels_over_http(self.curator, row["zarr_url"])
            for row in self.curator.all("predictions/", run=run["id"])
            if row["image"] in names
        }

    def consensus(self) -> dict[str, Labels]:
        """Image name -> consensus."""
        names = {id_: name for name, id_ in self.image_ids.items()}
        return {
            names[row["image"]]: read_labels_over_http(self.curator, row["zarr_url"])
            for row in self.curator.all("consensus/", campaign=CAMPAIGN)
        }

    def score(self, predicted: dict[str, Labels], names: list[str]) -> dict[str, Any]:
        """Measures against the truth over ``names``: pooled over cells, mean over images, and per stratum."""
        scores = {name: detection_scores(self.pool.truths[name], predicted[name]) for name in names}
        pooled = summed(list(scores.values()))
        strata = sorted({self.pool.strata[name] for name in names})
        return {
            "f1_50": round(pooled.f1_50, 4),
            "ap_50": round(pooled.ap_50, 4),
            "mean_ap": round(pooled.mean_ap, 4),
            "f1_50_mean_over_images": mean(score.f1_50 for score in scores.values()),
            "images": len(names),
            "by_stratum": {
                stratum: round(summed([scores[n] for n in names if self.pool.strata[n] == stratum]).f1_50, 4)
                for stratum in strata
            },
        }


def mean(values: Any) -> float:
    """Mean to four decimals; 0 for nothing."""
    numbers = list(values)
    return round(sum(numbers) / len(numbers), 4) if numbers else 0.0
