"""The wheel, turned once: import, annotate, fuse, publish, train, predict, rank, and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.rehearsal.api import Api
from backend.rehearsal.arrays import read_reading_over_http
from backend.rehearsal.kinds.contract import Kind, Submission
from backend.rehearsal.person import SimulatedAnnotator, SimulatedExpert
from backend.rehearsal.pool import Pool
from backend.rehearsal.splitting import Parting, part
from cellcommons.client import Client
from cellcommons.reading import Reading

PASSWORD = "rehearsal-only-1"
ENDED = ("finished", "failed", "cancelled")


@dataclass(frozen=True)
class Plan:
    """What a rehearsal is asked to do.

    Attributes:
        readings: readings that the policy asks of each image.
        training_seconds: wall budget of each round's training but the last, and of the last.
        prefix: of the names of dataset, campaign and people, where one hub is to hold several rehearsals.
    """

    annotators: int
    rounds: int
    seed: int
    readings: int = 3
    training_seconds: tuple[float, float] = (90.0, 150.0)
    prefix: str = ""

    @property
    def slug(self) -> str:
        """Of dataset and campaign."""
        return f"{self.prefix}rehearsal"


@dataclass
class Loop:
    """One rehearsal on one hub.

    Args:
        curator: a curator's API. kind: the task. pool: the images and their truth. say: called with one line at each
            step. folder: where downloads go.
    """

    curator: Api
    kind: Kind
    pool: Pool
    plan: Plan
    folder: Path
    say: Callable[[str], None]
    people: list[SimulatedAnnotator] = field(default_factory=list)
    image_ids: dict[str, str] = field(default_factory=dict)
    origins: dict[str, tuple[str, str]] = field(default_factory=dict)
    readings: list[Submission] = field(default_factory=list)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    releases: list[dict[str, Any]] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    training_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    expert: SimulatedExpert | None = None
    name: str = ""
    """``lab/slug`` of the dataset and of its campaign."""

    def run(self) -> None:
        """All rounds."""
        self._import_images()
        self._invite_people()
        names = len(self.pool.cases)
        for number in range(1, self.plan.rounds + 1):
            size = names * number // self.plan.rounds - names * (number - 1) // self.plan.rounds
            self._round(number, size)
        self._score_rounds()

    def _import_images(self) -> None:
        made = self.curator.post("datasets/", {"slug": self.plan.slug, "title": "Rehearsal", "licence": "CC0-1.0"})
        self.name = made["name"]
        for number, upload in enumerate(self.pool.uploads):
            archive = upload.zip_into(self.folder / f"pool-{number}.zip")
            done = self.curator.bring_in(archive, dataset=self.name, layout=upload.layout)
            if done["state"] != "finished" or done["imported"] != upload.images:
                raise RuntimeError(
                    f"import: {done['imported']} of {upload.images} images; {done['error'] or done['reasons'][:3]}"
                )
        rows = list(self.curator.all("images/", dataset=self.name))
        self.image_ids = {row["name"]: row["id"] for row in rows}
        self.origins = {row["name"]: (row["source"], row["stratum"]) for row in rows}
        if strange := set(self.image_ids) ^ set(self.pool.cases):
            raise RuntimeError(f"the hub calls an image other than its layout does: {min(strange)}")
        self.say(f"imported {len(rows)} images")

    def _invite_people(self) -> None:
        for index in range(self.plan.annotators):
            name = f"{self.plan.prefix}annotator-{index + 1}"
            seed = self.plan.seed * 1000 + index
            self.curator.post("people/", {"username": name, "password": PASSWORD, "role": "annotator"})
            api = Api(self.curator.url, name, PASSWORD)
            model = self.kind.person(seed, self.pool)
            self.people.append(SimulatedAnnotator(api, name, self.kind, model, self.pool, seed))
        name = f"{self.plan.prefix}expert"
        self.curator.post("people/", {"username": name, "password": PASSWORD, "role": "expert"})
        api = Api(self.curator.url, name, PASSWORD)
        self.expert = SimulatedExpert(api, self.kind, self.pool, self.plan.seed)
        campaign: dict[str, Any] = {
            "slug": self.plan.slug,
            "title": "Rehearsal",
            "dataset": self.name,
            "task": self.pool.task,
            "readings_needed": min(self.plan.readings, self.plan.annotators),
        }
        if self.pool.ontology is not None:
            campaign["ontology"] = self.pool.ontology.document()
        self.curator.post("campaigns/", campaign)
        self.curator.post(f"campaigns/{self.name}/open/")

    def _round(self, number: int, size: int) -> None:
        ranking: dict[str, Any] = {"strategy": "random", "size": size, "seed": self.plan.seed}
        if self.cards:
            ranking = {
                "strategy": "uncertainty",
                "size": size,
                "prediction_run": self._predict(self.cards[-1], "unread")["id"],
            }
        self.curator.post(f"campaigns/{self.name}/rounds/", ranking)
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
                "annotator_score": mean(reading.score for reading in done),
                "release": release["reference"],
                "model_card": card["name"],
            }
        )

    def _annotate(self) -> list[Submission]:
        def work(person: SimulatedAnnotator) -> list[Submission]:
            return list(person.work(self.name))

        with ThreadPoolExecutor(len(self.people)) as threads:
            done = [reading for batch in threads.map(work, self.people) for reading in batch]
        self.readings += done
        self.say(f"{len(done)} readings, mean {self.kind.score} {mean(reading.score for reading in done):.3f}")
        return done

    def _settle(self) -> None:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            self.expert.work(self.name, self.truths())
            progress = self.curator.get(f"campaigns/{self.name}/")["progress"]
            complete = len({reading.image for reading in self.readings})
            if progress["settled"] >= complete:
                self.say(
                    f"{progress['settled']} images settled, {self.expert.settled} disagreements decided by the expert"
                )
                return
            time.sleep(0.3)
        raise TimeoutError(f"consensus did not settle: {progress}")

    def truths(self) -> dict[str, Reading]:
        """Image name -> what is right to say of it, as its readers found it."""
        return {reading.image: reading.truth for reading in self.readings}

    def _publish(self, number: int) -> dict[str, Any]:
        parting = self._parting()
        order = {
            "campaign": self.name,
            "title": f"Rehearsal, round {number}",
            "licence": "CC0-1.0",
            "seed": parting.seed,
            "fractions": dict(parting.fractions),
        }
        draft = self.curator.post(f"datasets/{self.name}/releases/", order)
        path = f"releases/{self.name}/{draft['id']}/"
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

    def _parting(self) -> Parting:
        """The plan's seed and the usual shares, or the next that hold out the images that shall be."""
        read = sorted({reading.image for reading in self.readings})
        items = [(name, *self.origins[name]) for name in read]
        locked = {self.origins[row["name"]][0]: row["split"] for row in self._release_images()}
        found = part(items, self.pool.into_test, locked=locked, first=self.plan.seed)
        if found.wanted:
            self.notes.append(
                f"release {len(self.releases) + 1}: split seed {found.seed}, {found.fractions['test']:.0%} for test; "
                f"{found.held} of {found.wanted} images of the folder are held out"
            )
        return found

    def _train(self, release: dict[str, Any], seconds: float) -> dict[str, Any]:
        started = time.monotonic()
        order: dict[str, Any] = {"release": release["reference"], "seed": self.plan.seed, "budget_seconds": seconds}
        if self.pool.config:
            order["config"] = self.pool.config
        run = self.curator.post("training-runs/", order)
        run = self.curator.wait(f"training-runs/{run['id']}/", until=ENDED, every=1.0)
        self.training_seconds += time.monotonic() - started
        if run["state"] != "finished":
            raise RuntimeError(f"training {run['state']}: {run['error']}")
        card: dict[str, Any] = self.curator.get(f"model-cards/{run['model_card']}/")
        headline = card["headline"]
        self.say(f"trained {card['name']}: {headline} {card['measures'].get(headline)} on the release's test split")
        return card

    def _predict(self, card: dict[str, Any], scope: str) -> dict[str, Any]:
        order = {"model_card": card["id"], "campaign": self.name, "scope": scope}
        run = self.curator.post("prediction-runs/", order)
        run = self.curator.wait(f"prediction-runs/{run['id']}/", until=ENDED)
        if run["state"] != "finished":
            raise RuntimeError(f"prediction {run['state']}: {run['error']}")
        return run

    def _score_rounds(self) -> None:
        """Every round's model against the truth of the last release's test images: none was trained on them."""
        for row, card in zip(self.rounds, self.cards, strict=True):
            row["held_out"] = self.measure(self.predictions(card))

    def split(self, name: str) -> list[str]:
        """Names of the last release's images of one split."""
        return [row["name"] for row in self._release_images() if row["split"] == name]

    def _release_images(self) -> list[dict[str, Any]]:
        if not self.releases:
            return []
        return list(self.curator.all(f"releases/{self.releases[-1]['name'].replace('@', '/')}/images/"))

    def predictions(self, card: dict[str, Any]) -> dict[str, Any]:
        """Image name -> the card's prediction, for the test images."""
        names = {self.image_ids[name]: name for name in self.split("test")}
        run = self._predict(card, "all")
        found = {
            names[row["image"]]: self.kind.read_prediction(self.curator, row)
            for row in self.curator.all("predictions/", run=run["id"])
            if row["image"] in names
        }
        if lacking := set(names.values()) - set(found):
            self.notes.append(f"{card['name']} could not predict {len(lacking)} test images: {sorted(lacking)[0]} ...")
        return found

    def consensus(self) -> dict[str, Reading]:
        """Image name -> consensus."""
        names = {id_: name for name, id_ in self.image_ids.items()}
        return {
            names[row["image"]]: read_reading_over_http(
                self.curator, f"/api/v1/consensus/{row['id']}/zarr", paints=self.kind.paints
            )
            for row in self.curator.all("consensus/", campaign=self.name)
        }

    def measure(self, predicted: dict[str, Any]) -> dict[str, Any]:
        """Measures against the truth: all images together, and the headline of each stratum."""
        headline = self.kind.headline(self.pool)
        strata: dict[str, dict[str, Any]] = {}
        for name, prediction in predicted.items():
            strata.setdefault(self.pool.cases[name].stratum, {})[name] = prediction
        return {
            **self.kind.measure(self.pool, predicted),
            "images": len(predicted),
            "by_stratum": {
                stratum: self.kind.measure(self.pool, some)[headline]
                for stratum, some in sorted(strata.items())
                if stratum
            },
        }


def mean(values: Any) -> float:
    """Mean to four decimals; 0 for nothing."""
    numbers = list(values)
    return round(sum(numbers) / len(numbers), 4) if numbers else 0.0
