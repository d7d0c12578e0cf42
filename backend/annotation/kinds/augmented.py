"""Where an image that a model predicted, or its real counterpart, is wrong; and whether people can tell the two apart.

What people judge depends on what is there. Only the real counterpart: they mark where it is not to be learned from.
One checkpoint's prediction: they are shown both in hidden order and say which is real (a trial). Two or more: they say
which of the two newest is better. The answer is given once, then the roles are shown; what is marked is the newest
prediction.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from backend.annotation.kinds.contract import GivenRow, Ground, companion_rows
from backend.annotation.kinds.painting import check_draft_size
from backend.annotation.models import LIVE, Annotation, Assignment, AuthorKind, Item
from backend.core.errors import Conflict
from backend.imaging.models import Image
from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_image_tree
from cellcommons.reading import Changes, Reading, Value
from cellcommons.store import ObjectStore

TITLES = {"target": "The real counterpart"}
ANSWERS = {"trial": ("a", "b", "unsure"), "preference": ("a", "b", "same")}


class Augmented:
    task = "augmented"
    paints = True
    answers = True
    drafts_are_bases = False
    needs_classes = False

    def refusal(self, image: Image) -> str:
        if image.frames > 1:
            return "it is a movie, and this task takes single time points"
        if not companion_rows(image, TITLES):
            return "it has no counterpart: import pairs"
        return ""

    def given(self, item: Item) -> list[GivenRow]:
        # Readings of one item are fused, so all of them judge the same images, whatever was predicted since.
        first = Assignment.objects.filter(item=item, state__in=LIVE).order_by("created").first()
        if first is not None and first.given:
            others = [row for row in first.given if row["kind"] != "candidate"]
            return [*others, *_shuffled([row for row in first.given if row["kind"] == "candidate"])]
        (target,) = companion_rows(item.image, TITLES)
        predicted = _newest_predictions(item)
        if not predicted:
            return [target]
        rows = [_candidate(annotation, "predicted", target) for annotation in predicted[:2]]
        if len(rows) == 1:
            return _shuffled([{**target, "kind": "candidate", "role": "real", "title": "Candidate"}, *rows])
        rows[1]["role"] = "older"
        return [target, *_shuffled(rows)]

    def question(self, assignment: Assignment) -> str | None:
        return _question(assignment.given)

    def check_changes(self, ground: Ground, changes: Changes) -> None:
        for key, (old, new) in changes.items():
            self._check(ground, key, new)
            if old is not None or key in ground.values:
                raise Conflict(
                    "this was answered, and the answer stands: what was hidden has been shown since",
                    where=key,
                    extra={"conflicts": [{"key": key, "value": ground.values.get(key)}]},
                )

    def check_reading(self, ground: Ground, reading: Reading) -> None:
        for key, value in reading.values.items():
            self._check(ground, key, value)

    def finished(self, assignment: Assignment, reading: Reading) -> Reading:
        """With what the answer meant: whether the real one was found, or which prediction won over which."""
        candidates = {row["key"]: row for row in assignment.given if row["kind"] == "candidate"}
        said: dict[str, Any] = dict(reading.values)
        if (guess := said.get("trial")) in candidates:
            said["trial_right"] = candidates[guess]["role"] == "real"
        if "preference" in said:
            said["between"] = sorted(str(row["annotation"]) for row in candidates.values())
            if (better := said["preference"]) in candidates:
                said["preferred"] = str(candidates[better]["annotation"])
        return Reading(reading.raster, said)

    def count(self, reading: Reading, ground: Ground) -> int:
        return int(np.count_nonzero(np.unique(reading.labels)))

    def check_draft(self, store: ObjectStore, item: Item, tree: str) -> None:
        check_draft_size(item.image, read_image_tree(store, tree).shape_yx)

    def _check(self, ground: Ground, key: str, value: Value | None) -> None:
        question = _question(ground.given)
        if question is None or key != question:
            raise InvalidDocument(
                "this is not asked here", where=key, remedy=f"Answer {question!r}." if question else "Mark regions."
            )
        if value not in ANSWERS[question]:
            raise InvalidDocument(
                f"{value!r} is no answer to {question!r}", where=key, remedy=f"One of {', '.join(ANSWERS[question])}."
            )


def _question(given: list[GivenRow]) -> str | None:
    if not any(row["kind"] == "candidate" for row in given):
        return None
    return "preference" if any(row["key"] == "target" for row in given) else "trial"


def _newest_predictions(item: Item) -> list[Annotation]:
    """The latest prediction of each checkpoint, newest first."""
    rows = Annotation.objects.filter(item=item, author_kind=AuthorKind.CHECKPOINT).order_by("-created", "id")
    newest: dict[str, Annotation] = {}
    for row in rows:
        newest.setdefault(str(row.provenance.get("checkpoint_sha256", row.pk)), row)
    return list(newest.values())


def _candidate(annotation: Annotation, role: str, target: GivenRow) -> GivenRow:
    return {
        "key": "",
        "kind": "candidate",
        "title": "Candidate",
        "tree": annotation.labels_sha256,
        "summary": target["summary"],
        "role": role,
        "annotation": str(annotation.pk),
    }


def _shuffled(rows: list[GivenRow]) -> list[GivenRow]:
    if secrets.randbelow(2):
        rows = rows[::-1]
    return [{**row, "key": key} for key, row in zip("ab", rows, strict=False)]
