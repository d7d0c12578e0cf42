"""Whether two records say the same, in all that a layout can carry."""

from __future__ import annotations

from math import isclose
from typing import Any

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.classes import CellBoxes, CellClasses, ImageClasses
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.labels import LabelMap
from cellcommons.layouts.carries import Carries
from cellcommons.layouts.contract import Entry, Record
from cellcommons.linked import linked_movie
from cellcommons.overlapping import OverlappingCells
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.readings import Readings, Truth
from cellcommons.semantic import SemanticMap
from cellcommons.tracks import LabelMovie


def assert_same_record(got: Record, wanted: Record, carries: Carries) -> None:
    """Assert that ``got`` (read back) says all of ``wanted`` (written) that the layout carries."""
    _assert_same_entry(got.entry, wanted.entry, carries)
    if carries.images:
        assert_same_image(got.image, wanted.image)
    else:
        assert got.pixels is None
    assert_same_truth(got.truth, wanted.truth, carries)


def _assert_same_entry(got: Entry, wanted: Entry, carries: Carries) -> None:
    assert got.name == wanted.name
    if "source" in carries.features and wanted.metadata.get("source_known"):
        assert got.source == wanted.source
    if "stratum" in carries.features:
        assert got.stratum == wanted.stratum
    if "split" in carries.features:
        assert got.split == wanted.split


def assert_same_image(got: ImageData, wanted: ImageData) -> None:
    """Assert equal axes, pixels and every fact; notes in ``metadata`` may differ."""
    assert (got.axes, got.data.dtype, got.data.shape) == (wanted.axes, wanted.data.dtype, wanted.data.shape)
    assert np.array_equal(got.data, wanted.data, equal_nan=got.data.dtype.kind == "f")
    assert (got.channels, got.rgb) == (wanted.channels, wanted.rgb)
    assert _same_size(got.pixel_size, wanted.pixel_size), f"{got.pixel_size} is not {wanted.pixel_size}"
    assert got.wavelengths == wanted.wavelengths
    assert _close(got.seconds_per_frame, wanted.seconds_per_frame)
    assert got.position == wanted.position


def assert_same_truth(got: Truth | None, wanted: Truth | None, carries: Carries) -> None:
    """Assert equal labels; ids only where the layout keeps them. A label map may come back as overlapping cells."""
    if wanted is None or got is None:
        assert got is None
        assert wanted is None
        return
    if isinstance(wanted, Readings):
        assert isinstance(got, Readings)
        assert list(got.by) == list(wanted.by)
        for who, one in wanted.by.items():
            assert_same_truth(got.by[who], one, carries)
        assert_same_truth(got.consensus, wanted.consensus, carries)
        return
    if isinstance(wanted, LabelMap | CellClasses | OverlappingCells) and _flat(wanted):
        assert isinstance(got, LabelMap | CellClasses | OverlappingCells)
        assert _cells(got, carries) == _cells(wanted, carries)
        assert _region(got) == _region(wanted)
        _assert_same_ontology(_ontology(got), _ontology(wanted), carries)
        return
    assert type(got) is type(wanted)
    if isinstance(wanted, LabelMap) and isinstance(got, LabelMap):
        assert got.axes == wanted.axes
        assert np.array_equal(got.data, wanted.data)
        assert _region(got) == _region(wanted)
    elif isinstance(wanted, CellBoxes) and isinstance(got, CellBoxes):
        assert sorted((b.box, b.name) for b in got.boxes) == sorted((b.box, b.name) for b in wanted.boxes)
        assert (got.shape, _region(got)) == (wanted.shape, _region(wanted))
        _assert_same_ontology(got.ontology, wanted.ontology, carries)
    elif isinstance(wanted, ImageClasses) and isinstance(got, ImageClasses):
        assert got.classes == wanted.classes
        _assert_same_ontology(got.ontology, wanted.ontology, carries)
    elif isinstance(wanted, SemanticMap) and isinstance(got, SemanticMap):
        assert np.array_equal(got.data, wanted.data)
        assert got.ontology == wanted.ontology
    elif isinstance(wanted, Keypoints) and isinstance(got, Keypoints):
        assert (got.landmarks, got.objects, got.shape) == (wanted.landmarks, wanted.objects, wanted.shape)
        assert np.allclose(got.positions, wanted.positions, atol=1e-6, equal_nan=True)
        assert got.hidden is not None
        assert wanted.hidden is not None
        assert np.array_equal(got.hidden, wanted.hidden)
        assert _region(got) == _region(wanted)
    elif isinstance(wanted, LabelMovie) and isinstance(got, LabelMovie):
        if "ids" not in carries.features:
            got, wanted = _numbered_by_place(got), _numbered_by_place(wanted)
        assert np.array_equal(got.data, wanted.data)
        assert got.lineage == wanted.lineage
        assert _close(got.seconds_per_frame, wanted.seconds_per_frame)
    elif isinstance(wanted, PointTracks) and isinstance(got, PointTracks):
        assert got.lineage == wanted.lineage
        assert np.allclose(got.positions, wanted.positions, atol=1e-6)
        assert np.allclose(got.radii, wanted.radii, atol=1e-6, equal_nan=True)
    elif isinstance(wanted, ImagePair) and isinstance(got, ImagePair):
        assert_same_image(got.target, wanted.target)
    else:
        raise AssertionError(f"no comparison for {type(wanted).__name__}")


def _numbered_by_place(movie: LabelMovie) -> LabelMovie:
    """The movie with its tracks numbered anew by where they begin; a track that only goes on in another is one."""
    data, new = np.zeros_like(movie.data), {}
    for frame, labels in enumerate(movie.data):
        ids, first = np.unique(labels, return_index=True)
        for number, at in enumerate(np.argsort(first[ids > 0]), start=1):
            cell = int(ids[ids > 0][at])
            new[frame, cell] = number
            data[frame][labels == cell] = number
    edges = np.array([(a, new[a, i], b, new[b, j]) for a, i, b, j in movie.edges().tolist()], dtype=np.int64)
    again = linked_movie(data, edges.reshape(-1, 4))
    return LabelMovie(again.data, again.lineage, movie.pixel_size, movie.seconds_per_frame)


def _flat(truth: Any) -> bool:
    return not (isinstance(truth, LabelMap) and truth.axes != "yx")


def _cells(truth: LabelMap | CellClasses | OverlappingCells, carries: Carries) -> list[Any]:
    """What can be compared of each cell, in order of id where ids are kept, else in any one order."""
    cells = truth if isinstance(truth, OverlappingCells) else OverlappingCells.of(truth)
    rows = [(cell.box, cell.mask.tobytes(), cells.classes.get(cell.id)) for cell in cells.cells]
    if "ids" in carries.features:
        return [(cell.id, *row) for cell, row in zip(cells.cells, rows, strict=True)]
    return sorted(rows, key=repr)


def _assert_same_ontology(got: Any, wanted: Any, carries: Carries) -> None:
    """Equal classes; where a layout lists those that occur, those of the image are among those of its folder."""
    if wanted is None or got is None or "class_order" in carries.features:
        assert got == wanted
        return
    assert set(wanted.names) <= set(got.names)
    assert (got.ordinal, got.multi) == (wanted.ordinal, wanted.multi)


def _ontology(truth: LabelMap | CellClasses | OverlappingCells) -> Any:
    return getattr(truth, "ontology", None)


def _region(truth: Any) -> bytes | None:
    region = truth.labels.annotated if isinstance(truth, CellClasses) else truth.annotated
    return None if region is None else region.tobytes()


def _same_size(got: PixelSize, wanted: PixelSize) -> bool:
    return all(_close(getattr(got, axis), getattr(wanted, axis)) for axis in "yxz")


def _close(got: float | None, wanted: float | None) -> bool:
    if got is None or wanted is None:
        return got is wanted
    return isclose(got, wanted, rel_tol=1e-6)
