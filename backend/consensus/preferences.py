"""Which checkpoint people like better, and whether they can tell a prediction from the real image.

Answers of one augmented-microscopy campaign, counted over all of its images: an image alone says next to nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from backend.annotation.models import Annotation, AuthorKind, Campaign, Task
from backend.core.storage import object_store
from cellcommons.errors import InvalidDocument
from cellcommons.fusion.preferences import Comparison, ItemStrength, fuse_preferences
from cellcommons.measures.proportions import Share, wilson_share
from cellcommons.reading import read_values

LEVEL = 0.95


@dataclass(frozen=True)
class Standing:
    """One checkpoint.

    Attributes:
        checkpoint: sha256. predictions: ids of its predictions that people compared or took for real.
        strength: on the campaign's scale; None where it was never compared.
        trials: share of the trials with it in which the real image was found. unsure: trials answered "unsure".
    """

    checkpoint: str
    predictions: tuple[str, ...]
    strength: ItemStrength | None
    trials: Share
    unsure: int


@dataclass(frozen=True)
class CampaignPreferences:
    """All checkpoints of a campaign, strongest first, then those never compared.

    Attributes:
        comparisons: answers to "which is better". ties: those that saw no difference.
        agreement: share of the others that name the stronger checkpoint. trials: of all checkpoints together.
    """

    standings: tuple[Standing, ...]
    comparisons: int
    ties: int
    agreement: float | None
    trials: Share
    unsure: int


@dataclass
class _Tally:
    """What was said of one checkpoint."""

    predictions: set[str] = field(default_factory=set)
    trials: Counter[str] = field(default_factory=Counter)


def campaign_preferences(campaign: Campaign) -> CampaignPreferences:
    """Bradley-Terry strengths and trials of a campaign's checkpoints.

    Raises:
        InvalidDocument: the campaign's task asks for neither.
    """
    if campaign.task != Task.AUGMENTED:
        raise InvalidDocument(
            f"a campaign of {campaign.task} compares no checkpoints",
            where=campaign.name,
            remedy="Ask for a campaign of augmented microscopy.",
        )
    store = object_store()
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    answers: list[Comparison] = []
    readings = Annotation.objects.filter(item__campaign=campaign, author_kind=AuthorKind.PERSON)
    asked = [
        (read_values(store, reading.labels_sha256), reading.assignment.given)
        for reading in readings.select_related("assignment").order_by("created", "id")
    ]
    shown = _checkpoints(row["annotation"] for _, given in asked for row in given if row.get("annotation"))
    for values, given in asked:
        candidates = [str(row["annotation"]) for row in given if row.get("annotation") in shown]
        if "trial" in values and len(candidates) == 1:
            checkpoint, prediction = shown[candidates[0]]
            tallies[checkpoint].predictions.add(prediction)
            tallies[checkpoint].trials[_found(values)] += 1
        if "preference" in values and len(candidates) == 2:
            (first, first_prediction), (second, second_prediction) = (shown[one] for one in candidates)
            tallies[first].predictions.add(first_prediction)
            tallies[second].predictions.add(second_prediction)
            preferred = values.get("preferred")
            better, worse = (second, first) if preferred == candidates[1] else (first, second)
            answers.append(Comparison(better, worse, tie=preferred not in candidates))
    return _counted(tallies, answers)


def _checkpoints(annotations: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Annotation of a checkpoint -> its sha256 and the id of the prediction."""
    rows = Annotation.objects.filter(pk__in=set(annotations), author_kind=AuthorKind.CHECKPOINT)
    return {
        str(pk): (str(provenance["checkpoint_sha256"]), str(provenance.get("prediction", pk)))
        for pk, provenance in rows.values_list("pk", "provenance")
        if "checkpoint_sha256" in provenance
    }


def _found(values: dict[str, Any]) -> str:
    right = values.get("trial_right")
    return "unsure" if right is None else "right" if right else "wrong"


def _counted(tallies: dict[str, _Tally], answers: list[Comparison]) -> CampaignPreferences:
    fitted = fuse_preferences(answers, level=LEVEL) if answers else None
    strengths = {item.item: item for item in fitted.items} if fitted else {}
    standings = [
        Standing(
            name, tuple(sorted(tally.predictions)), strengths.get(name), _share(tally.trials), tally.trials["unsure"]
        )
        for name, tally in tallies.items()
    ]
    total = sum((tally.trials for tally in tallies.values()), Counter[str]())
    ties = sum(answer.tie for answer in answers)
    return CampaignPreferences(
        tuple(sorted(standings, key=lambda one: (-one.strength.strength if one.strength else 1e9, one.checkpoint))),
        len(answers),
        ties,
        fitted.agreement if fitted and len(answers) > ties else None,
        _share(total),
        total["unsure"],
    )


def _share(trials: Counter[str]) -> Share:
    return wilson_share(trials["right"], trials["right"] + trials["wrong"], level=LEVEL)
