"""A simulated person who says which of two pictures is better, by a stated model.

The model: each picture has a quality; the person sees the difference through noise (Bradley & Terry 1952), leans to one
side of the screen, calls small differences equal, and now and then presses a key without looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellcommons.errors import InvalidDocument
from cellcommons.fusion.preferences import Comparison

Level = Literal["novice", "practised", "expert"]


@dataclass(frozen=True)
class PreferenceModel:
    """How one person chooses.

    Attributes:
        noise: quality difference that is seen right 73 times in 100 (log odds of 1); smaller is keener.
        side: log odds in favour of the picture on the left.
        tie: quality differences seen as smaller than this are called equal.
        lapse: share of answers given at random.
        seconds: per answer.
    """

    noise: float = 1.0
    side: float = 0.0
    tie: float = 0.0
    lapse: float = 0.02
    seconds: float = 4.0

    def __post_init__(self) -> None:
        if not self.noise > 0 or not 0 <= self.lapse <= 1 or self.tie < 0 or self.seconds < 0:
            raise InvalidDocument(
                "noise is above 0, lapse lies in 0..1, tie and seconds are at least 0", where="PreferenceModel"
            )


MODELS: dict[Level, PreferenceModel] = {
    "novice": PreferenceModel(noise=2.0, side=0.3, tie=0.3, lapse=0.08, seconds=3.0),
    "practised": PreferenceModel(noise=1.0, side=0.1, tie=0.2, lapse=0.03, seconds=4.0),
    "expert": PreferenceModel(noise=0.5, side=0.0, tie=0.1, lapse=0.01, seconds=5.0),
}


@dataclass(frozen=True)
class PreferenceReading:
    """One person's answers. ``seconds``: spent in all."""

    answers: tuple[Comparison, ...]
    seconds: float


def annotate_preferences(
    qualities: Mapping[str, float],
    trials: Sequence[tuple[str, str]],
    model: PreferenceModel,
    *,
    seed: int,
) -> PreferenceReading:
    """Answer ``trials``; equal arguments give equal answers.

    Args:
        qualities: item -> quality, in the unit of ``model.noise`` (dB of PSNR, say).
        trials: pairs of items, shown left and right.

    Raises:
        InvalidDocument: a trial of one item against itself, or of an item without a quality.
    """
    random = np.random.default_rng(seed)
    answers = []
    for left, right in trials:
        if left == right or left not in qualities or right not in qualities:
            raise InvalidDocument("a trial shows two items of known quality", where=f"{left} and {right}")
        # A logistic draw makes the choice exactly Bradley-Terry in quality / noise.
        seen = qualities[left] - qualities[right] + model.noise * (model.side + random.logistic())
        if random.random() < model.lapse:
            seen = (1.0 if random.random() < 0.5 else -1.0) * (model.tie + model.noise)
        first, second = (left, right) if seen > 0 else (right, left)
        answers.append(Comparison(first, second, tie=abs(seen) < model.tie))
    return PreferenceReading(tuple(answers), model.seconds * len(answers))
