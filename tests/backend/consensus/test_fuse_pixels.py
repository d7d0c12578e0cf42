"""Classes of pixels: fused by EM, large unsure areas asked, settled within the area alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from every_task import TISSUE, noise, say, task_campaign

from backend.annotation.models import Item
from backend.consensus import services
from backend.consensus.evidence import Evidence
from backend.consensus.models import ConsensusState, Disagreement
from backend.imaging.models import Dataset, Image
from backend.people.models import Person
from cellcommons.edits import deflate, inflate
from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_labels
from cellcommons.store import ObjectStore

SHAPE = (80, 100)


def tissue(*, tumour: slice | None = None, edge: int = 50) -> np.ndarray:
    """Background left of ``edge``, stroma right of it, a square of 20 pixels of tumour where asked for."""
    raster = np.ones(SHAPE, np.uint32)
    raster[:, edge:] = 2
    if tumour is not None:
        raster[20:40, tumour] = 3
    return raster


@pytest.fixture
def item(dataset: Dataset, bring_image: Callable[..., Image]) -> Item:
    image = bring_image(noise((1, *SHAPE), "cyx"))
    return task_campaign(dataset, [image], "semantic_segmentation", ontology=TISSUE, readings_needed=2).items.get()


def test_a_tie_over_an_area_is_asked_and_hands_along_an_edge_are_not(
    item: Item, readers: list[Person], store: ObjectStore
) -> None:
    first = say(item, readers[0], raster=tissue(tumour=slice(70, 90)))
    second = say(item, readers[1], raster=tissue(edge=52))
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert (consensus.state, consensus.method) == (ConsensusState.DISPUTED, "majority")
    labels = read_labels(store, consensus.labels_sha256)
    assert not labels[20:40, 70:90].any()
    assert labels[:, 50:52].all()  # two pixels of edge go to one of the classes
    assert (labels[:, :50] == 1).all()
    asked = Disagreement.objects.get()
    y0, x0, y1, x1 = asked.box
    assert (asked.kind, asked.keys) == ("class", [])
    assert y0 < 20 < 40 < y1
    assert x0 < 70 < 90 < x1
    seen = {tuple(np.unique(inflate(o["labels"], (y1 - y0, x1 - x0)))): o["readings"] for o in asked.options}
    assert seen == {(0, 3): [str(first.pk)], (0, 2): [str(second.pk)]}
    evidence = Evidence.load(store, consensus.cells_sha256)
    assert [(cell.id, cell.classes) for cell in evidence.cells] == [(1, ("background",)), (2, ("stroma",))]
    assert all(0.9 < cell.agreement < 1 for cell in evidence.cells)
    assert 0.9 < consensus.agreement < 1


def test_two_of_three_settle_and_unknown_is_no_vote(item: Item, readers: list[Person], store: ObjectStore) -> None:
    with_tumour = tissue(tumour=slice(70, 90))
    partly = with_tumour.copy()
    partly[60:] = 0
    for person, raster in zip(readers, (with_tumour, partly, tissue()), strict=False):
        say(item, person, raster=raster)
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert consensus.state == ConsensusState.SETTLED
    assert np.array_equal(read_labels(store, consensus.labels_sha256), with_tumour)


def test_what_nobody_painted_stays_unknown(item: Item, readers: list[Person], store: ObjectStore) -> None:
    sparse = np.zeros(SHAPE, np.uint32)
    sparse[:10] = 1
    for person in readers[:2]:
        say(item, person, raster=sparse)
    consensus = services.fuse_item(item_id=item.pk)
    assert consensus is not None
    assert np.array_equal(read_labels(store, consensus.labels_sha256), sparse)
    (row,) = Evidence.load(store, consensus.cells_sha256).cells
    assert (row.area, row.agreement, len(row.support)) == (1000, 1.0, 2)


@pytest.fixture
def asked(item: Item, readers: list[Person]) -> Disagreement:
    say(item, readers[0], raster=tissue(tumour=slice(70, 90)))
    say(item, readers[1], raster=tissue())
    services.fuse_item(item_id=item.pk)
    return Disagreement.objects.get()


def test_an_expert_settles_the_area_and_nothing_around_it(
    asked: Disagreement, expert: Person, store: ObjectStore
) -> None:
    y0, x0, y1, x1 = asked.box
    drawn = np.full((y1 - y0, x1 - x0), 1, np.uint32)  # all of the box, though only a part of it is asked about
    decided = services.settle_disagreement(disagreement_id=asked.pk, person=expert, labels=deflate(drawn))
    settled = services.settle_consensus(consensus_id=asked.consensus_id)
    assert settled is not None
    expected = tissue()
    expected[20:40, 70:90] = 1
    assert np.array_equal(read_labels(store, settled.labels_sha256), expected)
    cells = {cell.id: cell for cell in Evidence.load(store, settled.cells_sha256).cells}
    assert cells[1].adjudication == str(decided.pk)
    assert (cells[2].adjudication, len(cells[2].support)) == (None, 2)
    assert settled.method == "majority+adjudication"


@pytest.mark.parametrize(("decision", "value"), [("option", 3), ("nothing", 0)])
def test_an_option_or_unknown(
    asked: Disagreement, expert: Person, store: ObjectStore, decision: str, value: int
) -> None:
    shape = asked.box[2] - asked.box[0], asked.box[3] - asked.box[1]
    options = {int(inflate(o["labels"], shape).max()): o["index"] for o in asked.options}
    said: dict[str, Any] = {"option": options[3]} if decision == "option" else {"nothing": True}
    services.settle_disagreement(disagreement_id=asked.pk, person=expert, **said)
    settled = services.settle_consensus(consensus_id=asked.consensus_id)
    assert settled is not None
    labels = read_labels(store, settled.labels_sha256)
    assert (labels[20:40, 70:90] == value).all()
    assert settled.cells == (3 if value else 2)


def test_classes_outside_the_ontology_and_values_are_refused(asked: Disagreement, expert: Person) -> None:
    shape = asked.box[2] - asked.box[0], asked.box[3] - asked.box[1]
    with pytest.raises(InvalidDocument, match="names no class"):
        services.settle_disagreement(
            disagreement_id=asked.pk, person=expert, labels=deflate(np.full(shape, 4, np.uint32))
        )
    with pytest.raises(InvalidDocument, match="about pixels, not values"):
        services.settle_disagreement(disagreement_id=asked.pk, person=expert, values={"1": ["stroma"]})


def test_what_was_chosen_pixel_by_pixel_is_an_answer_that_no_reader_gave(
    dataset: Dataset, bring_image: Callable[..., Image], readers: list[Person], expert: Person, store: ObjectStore
) -> None:
    """Three who agree nowhere in an area, but pair by pair in its parts."""
    item = task_campaign(
        dataset, [bring_image(noise((1, *SHAPE), "cyx"))], "semantic_segmentation", readings_needed=3, ontology=TISSUE
    ).items.get()
    rasters = [tissue() for _ in range(3)]
    for raster, classes in zip(rasters, ((3, 1, 2), (1, 3, 2), (2, 2, 1)), strict=True):
        for part, value in enumerate(classes):
            raster[20:50, 10 + 20 * part : 30 + 20 * part] = value
    for person, raster in zip(readers, rasters, strict=False):
        say(item, person, raster=raster)
    services.fuse_item(item_id=item.pk)
    asked = Disagreement.objects.order_by("index").first()
    assert asked is not None
    first, *others = asked.options
    assert {reading for option in others for reading in option["readings"]} == {
        str(annotation) for annotation in item.annotations.values_list("pk", flat=True)
    }
    assert first["readings"] == []
    services.settle_disagreement(disagreement_id=asked.pk, person=expert, option=0)
