"""A simulated annotator or expert: the same API as the browser, a stated error model instead of eyes and a hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backend.rehearsal.api import Api
from backend.rehearsal.arrays import read_labels_over_http
from backend.rehearsal.drawing import Drawing, differences, fold
from backend.rehearsal.kinds.contract import Desk, Kind, Option, Submission, Wish
from backend.rehearsal.pool import Case, Pool
from cellcommons.edits import inflate
from cellcommons.reading import Reading, reading_sha256

BATCH = 25
# How often a post is sent again although it went through, as a browser does when the answer is lost on the way.
REPEATED_POSTS = 0.05


@dataclass
class SimulatedAnnotator:
    """Works a campaign's queue until nothing is left for them.

    Args:
        model: of the kind's own type: how this person errs. seed: of every decision they make.
    """

    api: Api
    name: str
    kind: Kind
    model: Any
    pool: Pool
    seed: int
    submissions: list[Submission] = field(default_factory=list)

    def work(self, campaign: str) -> Iterator[Submission]:
        """Take, read and submit one assignment after another."""
        rng = np.random.default_rng(self.seed + len(self.submissions))
        while (assignment := self.api.post(f"campaigns/{campaign}/assignments/next/")) is not None:
            submission = self._read(assignment, rng)
            self.submissions.append(submission)
            yield submission

    def _read(self, assignment: dict[str, Any], rng: np.random.Generator) -> Submission:
        kind, path = self.kind, f"assignments/{assignment['id']}"
        case = self.pool.cases[assignment["image"]["name"]]
        base = self._base(assignment, case)
        desk = Desk(case, assignment, base, bool(assignment["draft"]), self.api)
        before = self.api.get(f"{path}/edits/")["edits"] if assignment["edit_count"] else []
        there = fold(base, before)
        drawing = Drawing(
            there.raster,
            dict(there.values),
            seq=assignment["edit_count"],
            versions=assignment["tile_versions"],
            noun=kind.noun,
        )
        sent: list[dict[str, Any]] = []
        last: Wish | None = None
        seconds = 0.0
        for wish in kind.wishes(desk, self.model, rng):
            edits = drawing.edits_towards(wish.reading, rng)
            self._send(path, edits, rng)
            sent += edits
            seconds += wish.seconds
            last = wish
        assert last is not None
        reading = drawing.reading
        answer = {
            "edit_count": drawing.seq,
            "labels_sha256": reading_sha256(reading, paints=kind.paints, answers=kind.answers),
            "active_seconds": seconds,
        }
        self.api.post(f"{path}/submit/", answer)
        truth = case.truth if last.truth is None else last.truth
        return Submission(
            image=case.name,
            person=self.name,
            score=kind.score_reading(case, truth, reading),
            seconds=seconds,
            edits=len(sent),
            from_draft=desk.draft,
            reading=reading,
            truth=truth,
            lost=self._lost(path, base, reading, [*before, *sent]),
            outcome=last.outcome,
        )

    def _base(self, assignment: dict[str, Any], case: Case) -> Reading:
        """What the edits are folded over: the draft, or nothing."""
        draft, raster = assignment["draft"], None
        if self.kind.paints:
            known = draft is not None and draft["zarr_url"]
            raster = read_labels_over_http(self.api, draft["zarr_url"]) if known else np.zeros(case.shape, np.uint32)
        return Reading(raster, dict((draft or {}).get("values") or {}))

    def _send(self, path: str, edits: list[dict[str, Any]], rng: np.random.Generator) -> None:
        for start in range(0, len(edits), BATCH):
            batch = {"edits": edits[start : start + BATCH]}
            self.api.post(f"{path}/edits/", batch)
            if rng.random() < REPEATED_POSTS:
                self.api.post(f"{path}/edits/", batch)

    def _lost(self, path: str, base: Reading, said: Reading, edits: list[dict[str, Any]]) -> int:
        """Edits that the hub cannot give back; if those it gives do not fold to what was said, what is wrong in it."""
        kept = self.api.get(f"{path}/edits/")["edits"]
        missing = {edit["uuid"] for edit in edits} - {edit["uuid"] for edit in kept}
        return len(missing) or differences(fold(base, kept), said)


@dataclass
class SimulatedExpert:
    """Settles disagreements by choosing, of what the readings say, what is closest to the truth.

    Args:
        truths: image name -> what is right, as far as its readers could tell. slip: how often the expert picks at
            random instead.
    """

    api: Api
    kind: Kind
    pool: Pool
    seed: int
    slip: float = 0.03
    settled: int = 0

    def work(self, campaign: str, truths: dict[str, Reading]) -> None:
        """Settle every open disagreement of the campaign."""
        rng = np.random.default_rng(self.seed)
        for row in list(self.api.all("disagreements/", campaign=campaign, state="open")):
            dispute = self.api.get(f"disagreements/{row['id']}/")
            name, box = dispute["image"]["name"], tuple(dispute["box"])
            shape = box[2] - box[0], box[3] - box[1]
            options = [
                Option(
                    option["index"],
                    None if option["labels"] is None else inflate(option["labels"], shape),
                    option.get("values") or {},
                )
                for option in dispute["options"]
            ]
            case = self.pool.cases[name]
            truth = truths.get(name, case.truth)
            scores = [self.kind.score_option(case, truth, box, option) for option in options]
            choice = int(rng.integers(len(options))) if rng.random() < self.slip else int(np.argmax(scores))
            self.api.post(f"disagreements/{row['id']}/settle/", {"option": options[choice].index})
            self.settled += 1
