"""Tracking: links over given detections by a learned linker, beside overlap linking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellcommons.canonical import canonical_json
from cellcommons.documents import Document
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_image_tree, read_label_stack
from cellcommons.linking.contract import links_to_edges
from cellcommons.linking.learned import FAMILY, Judged, LearnedLinker, read_linker
from cellcommons.linking.registry import get_linker
from cellcommons.links import edges_of_links, links_of, node_key
from cellcommons.orders import ImagePrediction, ImageRef, TrainingOrder
from cellcommons.reading import Reading, write_reading
from cellcommons.release import Release, ReleaseItem
from cellcommons.store import ObjectStore
from cellcommons.tracks import Edges, Movie
from ml_worker.checkpoint import Checkpoint, load_checkpoint
from ml_worker.evaluate import headline_interval
from ml_worker.kinds.contract import (
    Check,
    Hooks,
    Scored,
    TaskData,
    TaskEvaluation,
    TaskKind,
    TaskPrediction,
    TaskTraining,
    item_name,
    lineage,
)
from ml_worker.loop import TrainResult
from ml_worker.predict import PredictConfig
from ml_worker.tracking.config import LinkerConfig
from ml_worker.tracking.detect import detect_cells
from ml_worker.tracking.evaluate import HEADLINE, LinkOutcome, link_f1, link_outcome, measures
from ml_worker.tracking.picture import movie_png
from ml_worker.tracking.samples import MovieSample, movie_light, movie_sample
from ml_worker.tracking.train import LinkData, train_linker

DETECTIONS = "detections"
PLAIN = "overlap"
BESIDE = ("nearest", "global-program")
EASY = 0.002
"""Link F1 by which a checkpoint must pass overlap linking before the data count as hard enough to tell them apart."""


@dataclass(frozen=True)
class LinkPredictConfig(Document):
    """Settings of a prediction.

    Attributes:
        segmenter: sha256 of an instance segmentation checkpoint in the store, for movies that come without detections.
        tile, bf16, flips: of the segmenter, see ``ml_worker.predict.PredictConfig``.
    """

    KIND = "cellcommons.link-predict-config/1"
    segmenter: str | None = None
    tile: int = 1024
    bf16: bool = True
    flips: bool = True


class Tracking(TaskKind):
    """Links between given detections."""

    task = "tracking"
    families = (FAMILY,)

    def training(self, order: TrainingOrder, release: Release, start: bytes | None) -> TrackingTraining:
        """Begin a run. Raises InvalidDocument."""
        if start is not None:
            raise InvalidDocument(
                "a linker is trained in seconds and starts from nothing", where="start_from", remedy="Leave it out."
            )
        return TrackingTraining(order, release)

    def prediction(
        self, checkpoint: bytes, config: dict[str, Any], store: ObjectStore, *, digest: str
    ) -> TrackingPrediction:
        """Load a checkpoint, and the segmenter where one is named. Raises CellCommonsError."""
        settings = LinkPredictConfig.parse(canonical_json({"kind": LinkPredictConfig.KIND, **config}), where="config")
        segmenter = None
        if settings.segmenter:
            data = store.get(settings.segmenter)
            segmenter = load_checkpoint(data, where=f"segmenter {settings.segmenter}")
        reader = PredictConfig.from_order({"tile": settings.tile, "bf16": settings.bf16, "flips": settings.flips})
        return TrackingPrediction(LearnedLinker(read_linker(checkpoint, where=digest)), store, segmenter, reader)


def release_movie(release: Release, item: ReleaseItem) -> tuple[ImageData, MovieSample]:
    """One linked movie of a release: its image, and its detections with the links between them.

    Raises:
        InvalidDocument: no time axis, or links that do not fit the detections.
        NotFound: no detections.
    """
    where = item_name(item)
    image = release.image(item)
    detections = read_label_stack(release.store, release.companion(item, DETECTIONS))
    try:
        edges = edges_of_links(release.reading(item).values)
        return image, movie_sample(item.name, detections, edges, movie_light(image, where=where))
    except InvalidDocument as error:
        raise InvalidDocument(error.what, where=f"{where}, {error.where}", remedy=error.remedy) from error


class TrackingTraining(TaskTraining[MovieSample, LinkOutcome]):
    """A run of the learned linker."""

    def __init__(self, order: TrainingOrder, release: Release) -> None:
        self.order, self.release = order, release
        self.config = LinkerConfig.from_order(order.config)

    def samples(self, item: ReleaseItem) -> Iterable[MovieSample]:
        """The movie with its links."""
        yield release_movie(self.release, item)[1]

    def train(self, data: TaskData[MovieSample], hooks: Hooks) -> TrainResult:
        """See ``ml_worker.tracking.train.train_linker``."""
        return train_linker(
            LinkData(data.train, data.validation),
            self.config,
            seed=self.order.seed,
            budget_seconds=self.order.budget_seconds,
            resume=hooks.resume,
            on_progress=hooks.on_progress,
            should_stop=hooks.should_stop,
            save_state=hooks.save_state,
            about=lineage(self.order),
        )

    def evaluation(self, checkpoint: bytes, digest: str, data: TaskData[MovieSample]) -> TrackingEvaluation:
        """Overlap linking learns nothing, so ``data`` is not looked at."""
        return TrackingEvaluation(LearnedLinker(read_linker(checkpoint, where=digest)), self.release)


class TrackingEvaluation(TaskEvaluation[LinkOutcome]):
    """Links, divisions and the Cell Tracking Challenge's measures over the given detections."""

    headline = HEADLINE

    def __init__(self, linker: LearnedLinker, release: Release) -> None:
        self.linker, self.release = linker, release

    def score(self, item: ReleaseItem, check: Check) -> Scored[LinkOutcome]:
        """One test movie."""
        image, movie = release_movie(self.release, item)
        judged = self.linker.judge(movie.cells)
        check()
        found = links_to_edges(movie.cells, judged.links)
        plain = {name: links_to_edges(movie.cells, get_linker(name).link(movie.cells)) for name in (PLAIN, *BESIDE)}
        outcome = link_outcome(movie.detections, movie.edges, found)
        baseline = link_outcome(
            movie.detections, movie.edges, plain[PLAIN], {name.replace("-", "_"): plain[name] for name in BESIDE}
        )
        values = Reading(values=links_of(found))
        assert movie.light is not None
        return Scored(
            item,
            write_reading(self.release.store, values, image.pixel_size).digest,
            movie_png(movie.light, movie.detections, movie.cells, found, movie.edges),
            measures([outcome]),
            outcome.counts.edges.f1,
            outcome,
            baseline,
        )

    def pooled(self, outcomes: Sequence[LinkOutcome], *, seed: int) -> dict[str, Any]:
        """Each link weighs the same; the challenge's measures are means over movies."""
        return measures(outcomes) | headline_interval(self.headline, outcomes, link_f1, seed=seed)

    def notes(self, scored: Sequence[Scored[LinkOutcome]]) -> Iterable[str]:
        """What limits the measures."""
        if not self.linker.model.about.get("validated"):
            yield "No validation movie: the operating point was not chosen on data, so it is the neutral one."
        if not self.linker.model.about.get("divisions_seen"):
            yield "No division in the training movies: the linker has not learnt what one looks like."
        if not scored:
            return
        yield "Links are drawn over the given detections, so DET and SEG are 1 by construction."
        if all(one.outcome.ctc is None for one in scored):
            yield "The Cell Tracking Challenge's measures are missing: py-ctcmetrics is not installed on the worker."
        if not sum(one.outcome.counts.divisions.truth for one in scored):
            yield "No division in the test movies, so nothing is said about divisions that were found."
        learned, plain = (link_f1([getattr(one, which) for one in scored]) for which in ("outcome", "baseline"))
        if learned is not None and plain is not None and plain > learned - EASY:
            yield (
                f"Easy data: overlap linking reaches link F1 {plain:.4f}, the checkpoint {learned:.4f}; "
                "these movies do not tell linkers apart."
            )


class TrackingPrediction(TaskPrediction):
    """Links as drafts."""

    def __init__(
        self, linker: LearnedLinker, store: ObjectStore, segmenter: Checkpoint | None, reader: PredictConfig
    ) -> None:
        self.linker, self.store, self.segmenter, self.reader = linker, store, segmenter, reader

    def predict(self, ref: ImageRef, check: Check) -> ImagePrediction:
        """Link one movie; cells are found first where none are given and a segmenter is named."""
        where = ref.name or ref.image
        image = read_image_tree(self.store, ref.tree)
        light = movie_light(image, where=where)
        detections, made = self._detections(ref, image, check)
        movie = movie_sample(where, detections, np.zeros((0, 4), dtype=np.int64), light)
        judged = self.linker.judge(movie.cells)
        check()
        edges = links_to_edges(movie.cells, judged.links)
        return ImagePrediction(
            image=ref.image,
            tree=ref.tree,
            labels=write_reading(self.store, Reading(values=links_of(edges)), image.pixel_size).digest,
            cells=_tracks(movie, edges),
            uncertainty=round(judged.uncertainty, 6),
            cell_scores=certainties(movie, judged),
            companions=made,
        )

    def _detections(self, ref: ImageRef, image: ImageData, check: Check) -> tuple[Movie, dict[str, str]]:
        where = ref.name or ref.image
        if DETECTIONS in ref.companions:
            return read_label_stack(self.store, ref.companions[DETECTIONS]), {}
        if self.segmenter is None:
            raise NotFound(
                "the movie has no detections to link",
                where=where,
                remedy="Give the prediction a segmenter (a checkpoint of instance segmentation), or import detections.",
            )
        found = detect_cells(image, self.segmenter, self.reader, where=where, check=check).masks
        return found, {DETECTIONS: write_reading(self.store, Reading(found), image.pixel_size).digest}


def certainties(movie: MovieSample, judged: Judged) -> dict[str, float]:
    """Child node -> certainty of the answer about its parent, for every cell after the first frame."""
    known = np.flatnonzero(np.isfinite(judged.certainty))
    nodes, values = movie.cells.nodes[known].tolist(), judged.certainty[known].tolist()
    return {node_key(frame, cell): round(value, 4) for (frame, cell), value in zip(nodes, values, strict=True)}


def _tracks(movie: MovieSample, edges: Edges) -> int:
    """Number of tracks: cells that no single link into the very next frame goes on from."""
    outgoing: dict[tuple[int, int], int] = {}
    for frame, cell, _, _ in edges.tolist():
        outgoing[frame, cell] = outgoing.get((frame, cell), 0) + 1
    going_on = sum(1 for a, i, b, _ in edges.tolist() if outgoing[a, i] == 1 and b == a + 1)
    return len(movie.cells) - going_on


TRACKING = Tracking()
