"""What the hub makes of labels that it has no exact place for: it keeps what it can and says what it dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.imaging.kinds.registry import keep_truth
from cellcommons.classes import ImageClasses, Ontology
from cellcommons.errors import InvalidDocument, MismatchedShapes
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell, LabelMap, Mask
from cellcommons.overlapping import OverlappingCells, cell_of
from cellcommons.reading import read_reading
from cellcommons.readings import Readings
from cellcommons.store import FolderStore

IMAGE = ImageData(np.zeros((1, 20, 30), np.uint8), "cyx", ("gray",))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def block(height: int, width: int) -> Mask:
    return np.ones((height, width), dtype=np.bool_)


def cells_at(placed: list[tuple[Mask, tuple[int, int]]]) -> tuple[Cell, ...]:
    """Cells 1, 2, .. of the masks at their corners (row, column)."""
    found = (cell_of(number, mask, corner=corner) for number, (mask, corner) in enumerate(placed, start=1))
    return tuple(cell for cell in found if cell is not None)


def label_map(**known: object) -> LabelMap:
    data = np.zeros((20, 30), np.uint32)
    data[2:6, 3:9] = 4
    return LabelMap(data, **known)  # type: ignore[arg-type]


def test_of_overlapping_cells_the_smaller_lies_on_top_and_the_overlap_is_noted(store: FolderStore) -> None:
    cells = cells_at([(block(10, 10), (2, 2)), (block(3, 3), (4, 4)), (block(3, 3), (4, 4))])
    kept = keep_truth(store, IMAGE, OverlappingCells(cells, (20, 30)))
    raster = read_reading(store, kept.truth).raster
    assert raster is not None
    assert (raster[5, 5], raster[2, 2]) == (3, 1)
    assert kept.count == 2
    assert "overlap in 18 pixels" in kept.notes[0]
    assert "1 cells lie wholly below others" in kept.notes[1]


def test_cells_that_do_not_overlap_need_no_note(store: FolderStore) -> None:
    cells = cells_at([(block(4, 4), (2, 2)), (block(4, 4), (12, 20))])
    kept = keep_truth(store, IMAGE, OverlappingCells(cells, (20, 30)))
    assert (kept.count, kept.notes) == (2, ())


def test_classes_of_outlined_cells_are_said_to_be_dropped(store: FolderStore) -> None:
    cells = cells_at([(block(4, 4), (2, 2))])
    truth = OverlappingCells(cells, (20, 30), classes={1: ("T",)}, ontology=Ontology(("B", "T")))
    assert "classes" in keep_truth(store, IMAGE, truth).notes[0]


def test_of_readings_the_consensus_is_kept(store: FolderStore) -> None:
    people = {"ada": label_map(), "ben": LabelMap(np.zeros((20, 30), np.uint32))}
    kept = keep_truth(store, IMAGE, Readings(people, label_map()))
    assert kept.truth == keep_truth(store, IMAGE, label_map()).truth
    assert kept.notes == ("of the readings of 2 people only their consensus is kept",)
    with pytest.raises(InvalidDocument, match="2 people and no consensus"):
        keep_truth(store, IMAGE, Readings(people))


def test_what_was_not_looked_at_is_noted(store: FolderStore) -> None:
    looked = np.zeros((20, 30), np.bool_)
    looked[:10] = True
    kept = keep_truth(store, IMAGE, label_map(annotated=looked))
    assert kept.count == 1
    assert kept.notes == ("only 50% of it was looked at; which part is not kept",)


def test_what_has_no_place_is_refused_by_name(store: FolderStore) -> None:
    points = Keypoints(np.full((1, 2, 2), 3.0), ("head", "tail"), ("worm 1",), (20, 30))
    with pytest.raises(InvalidDocument, match="its labels are landmarks"):
        keep_truth(store, IMAGE, points)
    volume = LabelMap(np.zeros((4, 20, 30), np.uint32), axes="zyx")
    with pytest.raises(InvalidDocument, match="its labels are a volume"):
        keep_truth(store, IMAGE, volume)
    with pytest.raises(InvalidDocument, match="landmarks"):
        keep_truth(store, IMAGE, Readings({"ada": points}, points))
    assert list(store.digests()) == []


def test_a_volume_of_one_plane_is_a_plane(store: FolderStore) -> None:
    flat = label_map()
    kept = keep_truth(store, IMAGE, LabelMap(flat.data[None], axes="zyx"))
    assert kept.truth == keep_truth(store, IMAGE, flat).truth


def test_another_size_is_refused(store: FolderStore) -> None:
    with pytest.raises(MismatchedShapes):
        keep_truth(store, IMAGE, OverlappingCells(cells_at([(block(2, 2), (0, 0))]), (20, 31)))


def test_a_class_of_the_image_needs_no_note(store: FolderStore) -> None:
    kept = keep_truth(store, IMAGE, ImageClasses(("B",), Ontology(("B", "T"))))
    assert (kept.count, kept.notes) == (1, ())
