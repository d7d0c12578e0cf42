"""A simulated annotator or expert: the same API as the browser, a stated error model instead of eyes and a hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backend.rehearsal.api import Api
from backend.rehearsal.arrays import read_labels_over_http
from backend.rehearsal.drawing import Drawing
from cellcommons.edits import fold_edits, inflate, pixels_sha256
from cellcommons.labels import Labels
from cellcommons.measures.detection import detection_scores
from cellcommons.synthetic.annotator import ErrorModel, simulate_reading

BATCH = 25
# How often a post is sent again although it went through, as a browser does when the answer is lost on the way.
REPEATED_POSTS = 0.05


@dataclass
class Reading:
    """What one person submitted for one image.

    Attributes:
        f1: against the truth, at IoU 0.5.
        seconds: simulated seconds of work, not wall time.
        lost: edits or pixels that the hub did not give back as sent.
    """

    image: str
    person: str
    f1: float
    seconds: float
    edits: int
    from_draft: bool
    lost: int = 0


@dataclass
class SimulatedAnnotator:
    """Works a campaign's queue until nothing is left for them.

    Args:
        truths: image name -> truth, uint32 yx; what the simulated eyes see.
        seed: of every decision this person makes.
    """

    api: Api
    name: str
    model: ErrorModel
    truths: dict[str, Labels]
    seed: int
    readings: list[Reading] = field(default_factory=list)

    def work(self, campaign: str) -> Iterator[Reading]:
        """Take, read and submit one assignment after another."""
        rng = np.random.default_rng(self.seed + len(self.readings))
        while (assignment := self.api.post(f"campaigns/{campaign}/assignments/next/")) is not None:
            reading = self._read(assignment, rng)
            self.readings.append(reading)
            yield reading

    def _read(self, assignment: dict[str, Any], rng: np.random.Generator) -> Reading:
        image = assignment["image"]["name"]
        truth = self.truths[image]
        draft = assignment["draft"]
        base = read_labels_over_http(self.api, draft["zarr_url"]) if draft else np.zeros_like(truth)
        simulated = simulate_reading(truth, self.model, rng, draft=base if draft else None)
        drawing = Drawing(base, seq=assignment["edit_count"], versions=assignment["tile_versions"])
        edits = list(drawing.strokes_towards(simulated.labels))
        path = f"assignments/{assignment['id']}"
        for start in range(0, len(edits), BATCH):
            batch = {"edits": edits[start : start + BATCH]}
            self.api.post(f"{path}/edits/", batch)
            if rng.random() < REPEATED_POSTS:
                self.api.post(f"{path}/edits/", batch)
        self.api.post(
            f"{path}/submit/",
            {
                "edit_count": drawing.seq,
                "labels_sha256": pixels_sha256(drawing.labels),
                "active_seconds": simulated.seconds,
            },
        )
        return Reading(
            image=image,
            person=self.name,
            f1=detection_scores(truth, drawing.labels).f1_50,
            seconds=simulated.seconds,
            edits=len(edits),
            from_draft=bool(draft),
            lost=self._lost(path, base, drawing.labels, edits),
        )

    def _lost(self, path: str, base: Labels, drawn: Labels, edits: list[dict[str, Any]]) -> int:
        """Edits that the hub cannot give back; if those it gives do not fold to what was drawn, wrong pixels."""
        kept = self.api.get(f"{path}/edits/")["edits"]
        missing = {edit["uuid"] for edit in edits} - {edit["uuid"] for edit in kept}
        folded = fold_edits(base, [edit["tiles"] for edit in kept])
        return len(missing) or int(np.count_nonzero(folded != drawn))


@dataclass
class SimulatedExpert:
    """Settles disagreements by choosing, of what the readings say, what is closest to the truth.

    Args:
        slip: how often the expert picks at random instead.
    """

    api: Api
    truths: dict[str, Labels]
    seed: int
    slip: float = 0.03
    settled: int = 0

    def work(self, campaign: str) -> None:
        """Settle every open disagreement of the campaign."""
        rng = np.random.default_rng(self.seed)
        for row in list(self.api.all("disagreements/", campaign=campaign, state="open")):
            dispute = self.api.get(f"disagreements/{row['id']}/")
            y0, x0, y1, x1 = dispute["box"]
            truth = self.truths[dispute["image"]["name"]][y0:y1, x0:x1]
            options = [inflate(option["labels"], truth.shape) for option in dispute["options"]]
            scores = [detection_scores(truth, option, thresholds=(0.5,)).f1_50 for option in options]
            choice = int(rng.integers(len(options))) if rng.random() < self.slip else int(np.argmax(scores))
            self.api.post(f"disagreements/{row['id']}/settle/", {"option": dispute["options"][choice]["index"]})
            self.settled += 1
