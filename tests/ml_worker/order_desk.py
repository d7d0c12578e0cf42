"""The hub's end of an order: a store, releases sealed in it, and what the worker said."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.classes import Ontology
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image
from cellcommons.images.outline import read_outline
from cellcommons.kinds.given import read_given
from cellcommons.kinds.registry import kind_of
from cellcommons.orders import ImageRef, PredictionOrder, PredictionReport, TrainingOrder, TrainingReport
from cellcommons.reading import Reading, write_reading
from cellcommons.release import ReleaseItem
from cellcommons.sealing import seal_release
from cellcommons.store import FolderStore
from ml_worker.orders import perform_order


class OrderDesk:
    """Gives real orders to ``perform_order`` and reads back its reports.

    Attributes:
        said: messages to the hub, (name, arguments).
    """

    def __init__(self, root: Path, task: str, ontology: Ontology | None = None) -> None:
        self.store, self.task, self.ontology = FolderStore(root), task, ontology
        self.said: list[tuple[str, list[Any]]] = []
        self.items: list[ReleaseItem] = []

    def add(
        self,
        image: np.ndarray,
        reading: Reading,
        split: str,
        *,
        companions: dict[str, str] | None = None,
        stratum: str = "plain",
        channels: Sequence[str] | None = None,
    ) -> ReleaseItem:
        """One labelled image, axes cyx."""
        number = len(self.items)
        names = tuple(channels or (f"c{c}" for c in range(len(image))))
        tree = write_image(self.store, ImageData(image, "cyx", names)).digest
        given = read_given(self.store, companions or {}, read_outline(self.store, tree))
        item = ReleaseItem(
            image=f"id{number}",
            name=f"image {number}",
            tree=tree,
            labels=write_reading(self.store, reading, PixelSize()).digest,
            split=split,
            source=f"source {number}",
            stratum=stratum,
            channels=names,
            height=image.shape[1],
            width=image.shape[2],
            cells=kind_of(self.task).rows(reading, given, self.ontology),
            companions=companions or {},
        )
        self.items.append(item)
        return item

    def release(self, *splits: str) -> str:
        """Manifest sha256 of the items in ``splits`` (all without)."""
        _, digest = seal_release(
            self.store,
            dataset="lab/small",
            title="Small",
            parent=None,
            created="2026-11-20T00:00:00Z",
            licence="CC0-1.0",
            task=self.task,
            items=[item for item in self.items if not splits or item.split in splits],
            card_text="Small",
            split_certificate={"method": "by hand"},
            ontology=self.ontology,
        )
        return digest

    def train(
        self,
        run: str,
        config: dict[str, Any],
        *,
        manifest: str = "",
        start_from: str | None = None,
        seed: int = 0,
        shutting_down: Callable[[], bool] = lambda: False,
    ) -> TrainingReport:
        """Carry out a training order; check that the hub was told."""
        order = TrainingOrder(run, manifest or self.release(), self.task, seed, 600.0, config, start_from)
        return TrainingReport.load(self.store, self._perform("training", run, order.save(self.store), shutting_down))

    def predict(
        self,
        run: str,
        checkpoint: str,
        images: Sequence[ImageRef] | None = None,
        *,
        config: dict[str, Any] | None = None,
        shutting_down: Callable[[], bool] = lambda: False,
    ) -> PredictionReport:
        """Carry out a prediction order of ``images``, or of all items; check that the hub was told."""
        refs = tuple(images if images is not None else (self.ref(item) for item in self.items))
        order = PredictionOrder(run, checkpoint, refs, config or {})
        digest = self._perform("prediction", run, order.save(self.store), shutting_down)
        return PredictionReport.load(self.store, digest)

    def ref(self, item: ReleaseItem) -> ImageRef:
        """The item's image as an order names it."""
        return ImageRef(item.image, item.tree, item.name, dict(item.companions))

    def send(self, task: str, args: list[Any]) -> None:
        """What the worker sends; everything must survive JSON."""
        self.said.append((task, json.loads(json.dumps(args))))

    def _perform(self, kind: Any, run: str, order: str, shutting_down: Callable[[], bool]) -> str:
        digest = perform_order(kind, order, store=self.store, send=self.send, shutting_down=shutting_down)
        assert self.said[-1] == ("modelzoo.accept_report", [kind, run, digest])
        return digest
