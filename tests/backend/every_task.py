"""Images, campaigns and readings of every task, made as rows: for tests of what comes after annotation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from backend.annotation.kinds.contract import GivenRow
from backend.annotation.kinds.registry import ground_of, kind_of
from backend.annotation.models import (
    Annotation,
    Assignment,
    AssignmentState,
    AuthorKind,
    Campaign,
    CampaignState,
    Item,
)
from backend.core.storage import object_store
from backend.imaging.conversion import Naming, convert_image
from backend.imaging.models import Dataset, Image
from backend.imaging.services.images import add_image
from backend.people.models import Person
from cellcommons.classes import CellBox, CellBoxes, Ontology
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Truth as LayoutTruth
from cellcommons.links import detections_of
from cellcommons.pairs import ImagePair
from cellcommons.reading import Reading, reading_sha256, write_reading
from cellcommons.synthetic.movies import SyntheticMovie, generate_movie

BLOOD = Ontology(("RBC", "WBC", "Platelets"))
TISSUE = Ontology(("background", "stroma", "tumour"))


@pytest.fixture
def bring_image(dataset: Dataset, tmp_path: Path) -> Callable[..., Image]:
    """``bring_image(data, truth)``: an image with what came with it, the way an import brings it."""
    made = 0

    def make(data: ImageData, truth: LayoutTruth | None = None, *, source: str = "") -> Image:
        nonlocal made
        made += 1
        original = tmp_path / f"original-{made}.npy"
        np.save(original, data.data)
        source = source or f"source {made}"
        naming = Naming(f"image {made}", original, original.name, source=source, source_known=True)
        converted = convert_image(object_store(), data, naming, truth=truth)
        return add_image(dataset=dataset, converted=converted)

    return make


def noise(shape: tuple[int, ...], axes: str, seed: int = 0) -> ImageData:
    """Pixels nobody can mistake for another image's."""
    pixels = np.random.default_rng(seed).integers(0, 60_000, shape).astype(np.uint16)
    return ImageData(pixels, axes, tuple(f"channel {c + 1}" for c in range(shape[axes.index("c")])))


def boxed_image(count: int, seed: int = 0) -> tuple[ImageData, CellBoxes]:
    """``count`` boxed cells of 8 pixels in rows of six; their classes in turn."""
    boxes = tuple(
        CellBox((10 * (n // 6), 10 * (n % 6), 10 * (n // 6) + 8, 10 * (n % 6) + 8), BLOOD.names[n % 3])
        for n in range(count)
    )
    shape = (max(16, 10 * -(-count // 6)), 64)
    return noise((1, *shape), "cyx", seed), CellBoxes(boxes, shape, BLOOD)


def paired_image(seed: int = 0, shape: tuple[int, int] = (64, 80)) -> tuple[ImageData, ImagePair]:
    """A stack of three planes and its counterpart of two markers."""
    image = noise((1, 3, *shape), "czyx", seed)
    return image, ImagePair.of(image, noise((2, *shape), "cyx", seed + 1000))


def movie_image(seed: int = 0) -> tuple[ImageData, SyntheticMovie, dict[str, str]]:
    """A generated movie of few cells, and the true links between its detections."""
    movie = generate_movie(seed, density="easy", frames=8, height=96, width=96, count=5)
    _, links = detections_of(movie.truth)
    return ImageData(movie.image, "tcyx", movie.channels, movie.truth.pixel_size), movie, links


def task_campaign(
    dataset: Dataset,
    images: Sequence[Image],
    task: str,
    *,
    slug: str = "every-task",
    ontology: Ontology | None = None,
    readings_needed: int = 3,
) -> Campaign:
    """An open campaign of ``task`` over ``images``, in their order."""
    campaign = Campaign.objects.create(
        lab_id=dataset.lab_id, slug=slug, title=slug, dataset=dataset, task=task, readings_needed=readings_needed,
        ontology=ontology.document() if ontology else None, state=CampaignState.OPEN,
    )  # fmt: skip
    for rank, image in enumerate(images):
        Item.objects.create(campaign=campaign, image=image, readings_needed=readings_needed, rank=rank)
    return campaign


def say(
    item: Item,
    person: Person,
    *,
    raster: np.ndarray | None = None,
    values: dict[str, Any] | Callable[[list[GivenRow]], dict[str, Any]] | None = None,
    independent: bool = True,
    started_from: Annotation | None = None,
) -> Annotation:
    """One submitted reading of an item: checked and finished as the hub does.

    Args:
        values: what is answered, or a function that says it of what was given (which letter hides what is drawn anew
            for each person).
    """
    kind, slot = kind_of(item.campaign), item.readings_done + 1
    item.readings_done, item.readings_needed = slot, max(item.readings_needed, slot)
    item.save(update_fields=["readings_done", "readings_needed"])
    assignment = Assignment.objects.create(
        item=item, person=person, slot=slot, state=AssignmentState.SUBMITTED, given=kind.given(item),
        lease_expires_at=timezone.now() + timedelta(minutes=15), submitted_at=timezone.now(),
    )  # fmt: skip
    said = values(assignment.given) if callable(values) else values or {}
    reading = Reading(None if raster is None else raster.astype(np.uint32), said)
    ground = ground_of(assignment, reading.values)
    kind.check_reading(ground, reading)
    tree = write_reading(object_store(), kind.finished(assignment, reading), answers=kind.answers)
    return Annotation.objects.create(
        item=item,
        author_kind=AuthorKind.PERSON,
        person=person,
        assignment=assignment,
        labels_sha256=tree.digest,
        reading_sha256=reading_sha256(reading, paints=kind.paints, answers=kind.answers),
        cells=kind.count(reading, ground),
        independent=independent,
        accepted_unchanged=not independent,
        started_from=started_from,
    )
