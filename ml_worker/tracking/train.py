"""The trainer of linkers: linked movies in, judges of hypotheses and their operating point out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from cellcommons.errors import InvalidDocument
from cellcommons.linking.contract import links_to_edges
from cellcommons.linking.learned import FEATURES, LinkerModel, LogOdds, OperatingPoint, choose
from cellcommons.measures.tracking import Counts, link_counts
from cellcommons.tracks import Edges
from ml_worker.device import device
from ml_worker.loop import Progress, TrainingLoop, TrainResult
from ml_worker.tracking.config import LinkerConfig
from ml_worker.tracking.network import PARTS, LinkNetwork, linker_of, save_linker
from ml_worker.tracking.samples import Lesson, MovieSample, lesson, with_cells_lost

STATE = "cellcommons.learned-linker-training-state/1"
SHIFTS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
DIVISION_WEIGHT = 0.1
"""Of division F1 beside link F1 where the operating point is chosen: divisions are few, and matter most to people."""


@dataclass(frozen=True)
class LinkData:
    """Linked movies by split; ``validation`` may be empty."""

    train: Sequence[MovieSample]
    validation: Sequence[MovieSample] = ()


def train_linker(
    data: LinkData,
    config: LinkerConfig,
    *,
    seed: int,
    budget_seconds: float,
    resume: bytes | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    save_state: Callable[[bytes], None] | None = None,
    about: dict[str, Any] | None = None,
) -> TrainResult:
    """Train a linker; arguments as in ``ml_worker.train.train``.

    Raises:
        InvalidDocument: no link to learn from, or ``resume`` of another run.
        TrainingDiverged: the loss stays NaN.
    """
    trainer = _Trainer(data, config, seed, budget_seconds, about or {})
    if resume is not None:
        trainer.restore(resume)
    return trainer.run(on_progress, should_stop, save_state)


class _Trainer(TrainingLoop):
    """Linking in the shared loop; scored by link F1 of the validation movies, linked as a checkpoint links."""

    def __init__(self, data: LinkData, config: LinkerConfig, seed: int, budget: float, about: dict[str, Any]) -> None:
        self.data, self.config, self.about = data, config, about
        if not sum(len(sample.edges) for sample in data.train):
            raise InvalidDocument(
                "no movie of the train split holds a link",
                where="train",
                remedy="Publish a release whose train split holds linked movies.",
            )
        movies = list(data.train)
        if config.lost:
            movies += [with_cells_lost(one, config.lost, seed=seed + i) for i, one in enumerate(data.train)]
        lessons = [lesson(movie, max_gap=config.max_gap) for movie in movies]
        self.rows = {name: _rows(lessons, name) for name in PARTS}
        self.validation = [
            (sample, lesson(sample, max_gap=config.max_gap)) for sample in data.validation if len(sample.edges)
        ]
        torch.manual_seed(seed)
        self.network, self.mean = LinkNetwork(config.width), LinkNetwork(config.width)
        for name, (features, _) in self.rows.items():
            self.network.part(name).standardise(features)
        super().__init__(
            self.network.to(device()), self.mean.to(device()), config, state_kind=STATE, seed=seed, budget=budget
        )

    def step_loss(self, step: int) -> Tensor:
        rng = np.random.default_rng([self.seed, step])
        total = torch.zeros((), device=device())
        for name, (features, true) in self.rows.items():
            if not len(true):
                continue
            drawn = rng.integers(0, len(true), min(self.config.batch, len(true)))
            seen = features[drawn]
            for kind in ("light", "mask"):
                blind = rng.random(len(drawn)) < self.config.blind
                seen[blind[:, None] & _from(name, kind)] = 0.0
            logits = self.network.part(name)(torch.from_numpy(seen).to(device()))
            targets = torch.from_numpy(true[drawn].astype(np.float32)).to(device())
            total = total + binary_cross_entropy_with_logits(logits, targets)
        return total

    def can_validate(self) -> bool:
        return bool(self.validation)

    def score(self) -> float:
        model = linker_of(self.mean, max_gap=self.config.max_gap)
        links, _ = self._counts(self._judged(model), OperatingPoint())
        return links.f1

    def checkpoint(self) -> bytes:
        model = linker_of(self.mean, max_gap=self.config.max_gap)
        point = self._operating_point(model) if self.validation else OperatingPoint()
        about = {
            **self.about,
            "seed": self.seed,
            "steps": self.step,
            "movies": len(self.data.train),
            "links": sum(len(sample.edges) for sample in self.data.train),
            "divisions_seen": int(self.rows["division"][1].sum()),
            "validated": bool(self.validation),
        }
        return save_linker(self.mean.state_dict(), point=point, max_gap=self.config.max_gap, about=about)

    def _judged(self, model: LinkerModel) -> list[LogOdds]:
        return [model.log_odds(taught.hypotheses) for _, taught in self.validation]

    def _operating_point(self, model: LinkerModel) -> OperatingPoint:
        """The shifts of the log odds that link the validation movies best, one after the other, ties to the least."""
        odds = self._judged(model)
        point = OperatingPoint()
        for name in ("link", "division", "gap", "link"):
            tried = sorted(SHIFTS, key=abs)
            values = [self._merit(odds, replace(point, **{name: shift})) for shift in tried]
            point = replace(point, **{name: tried[int(np.argmax(values))]})
        return point

    def _merit(self, odds: list[LogOdds], point: OperatingPoint) -> float:
        links, divisions = self._counts(odds, point)
        return links.f1 + DIVISION_WEIGHT * divisions.f1

    def _counts(self, odds: list[LogOdds], point: OperatingPoint) -> tuple[Counts, Counts]:
        links, divisions = Counts(0, 0, 0), Counts(0, 0, 0)
        for (sample, taught), judged in zip(self.validation, odds, strict=True):
            found = links_to_edges(sample.cells, choose(sample.cells, taught.hypotheses, judged, point).links)
            links += link_counts(sample.edges, found)
            divisions += _divisions(sample.edges, found)
        return links, divisions

    def identity(self) -> dict[str, Any]:
        shown = [[sample.name, len(sample.cells), _digest(sample.edges)] for sample in self.data.train]
        return {"seed": self.seed, "config": self.config.to_bytes().decode(), "train": shown}


def _divisions(truth: Edges, found: Edges) -> Counts:
    """Mothers whose daughters are the truth's, in the very frame."""
    told, said = _families(truth), _families(found)
    return Counts(len(told & said), len(told), len(said))


def _families(edges: Edges) -> set[tuple[tuple[int, int], frozenset[tuple[int, int]]]]:
    children: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for frame, cell, later, child in edges.tolist():
        children.setdefault((frame, cell), set()).add((later, child))
    return {(mother, frozenset(daughters)) for mother, daughters in children.items() if len(daughters) > 1}


def _rows(lessons: Sequence[Lesson], name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Features and truths of all movies."""
    table = {"link": "pair_features", "gap": "gap_features", "division": "division_features"}[name]
    features = np.concatenate([getattr(one.hypotheses, table) for one in lessons])
    return features, np.concatenate([getattr(one, name) for one in lessons])


def _from(name: str, kind: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which columns come from the image (``light``) or from masks (``mask``)."""
    return np.array([kind in column.split("_") for column in FEATURES[name]])


def _digest(edges: np.ndarray[Any, np.dtype[np.int64]]) -> str:
    return hashlib.sha256(np.ascontiguousarray(edges).tobytes()).hexdigest()[:16]
