"""What a layout cannot carry is refused by name, or dropped when asked; nothing is half written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellcommons.axes import PixelSize
from cellcommons.classes import CellBoxes, CellClasses, Ontology
from cellcommons.errors import AlreadyThere, CannotCarry
from cellcommons.images.data import ImageData, PlatePosition, Wavelengths
from cellcommons.labels import Cell, LabelMap
from cellcommons.layouts.carries import FEATURES, Carries, features
from cellcommons.layouts.contract import Entry, Record, WritableLayout
from cellcommons.layouts.dsb2018 import Dsb2018
from cellcommons.layouts.fitting import checked_drop, fitted
from cellcommons.layouts.registry import all_layouts, get_layout
from cellcommons.layouts.used import features_used, is_file_name
from cellcommons.layouts.writing import write_layout
from cellcommons.overlapping import OverlappingCells
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.readings import Readings
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.tracks import LabelMovie, Lineage, Track


class TestDsb2018(LayoutSuite):
    layout = Dsb2018()


def record(name: str = "one", truth=None, **facts) -> Record:
    image = ImageData(np.arange(20, dtype=np.uint8).reshape(1, 4, 5), "cyx", ("intensity",), **facts)
    return Record(Entry(name, (Path(name),), name, "", {"source_known": False}), image, truth, Path(name))


def labels(holes: bool = False) -> LabelMap:
    data = np.zeros((4, 5), dtype=np.uint32)
    data[:3, :3], data[3, 4] = 1, 2
    if holes:
        data[1, 1] = 0
    return LabelMap(data)


def overlapping() -> OverlappingCells:
    cells = tuple(Cell(n, (0, 0, n, n), np.ones((n, n), dtype=bool), n * n) for n in (1, 2))
    return OverlappingCells(cells, (4, 5), classes={1: ("T",), 2: ("B",)}, ontology=Ontology(("B", "T")))


def test_what_is_used_is_named() -> None:
    assert features_used(record()) == set()
    rich = record(
        truth=labels(holes=True),
        pixel_size=PixelSize(0.5, 0.5),
        wavelengths=(Wavelengths(emission=520),),
        position=PlatePosition("B", 7),
    )
    rich.entry = replace(rich.entry, source="slide 3", metadata={}, split="test", stratum="dim", name="a/b")
    assert features_used(rich) == {
        "truth", "outlines", "holes", "pixel_size", "wavelengths", "plate_position",
        "source", "split", "stratum", "names",
    }  # fmt: skip
    assert features_used(record(truth=overlapping())) == {"truth", "outlines", "overlaps", "classes"}
    assert "ids" in features_used(record(truth=LabelMap(labels().data * 5)))


def test_a_feature_without_a_place_is_refused_with_what_to_do(tmp_path: Path) -> None:
    sized = record(truth=labels(), pixel_size=PixelSize(0.5, 0.5))
    with pytest.raises(CannotCarry, match="pixel_size") as refused:
        write_layout(Dsb2018(), [sized], tmp_path / "out")
    assert refused.value.features == ("pixel_size",)
    assert "--drop pixel_size" in refused.value.remedy
    assert refused.value.where == "one"
    assert list(tmp_path.iterdir()) == []
    done = write_layout(Dsb2018(), [sized], tmp_path / "out", drop=["pixel_size"])
    assert done.dropped == {"pixel_size": 1}
    back = Dsb2018().read(Dsb2018().scan(tmp_path / "out").entries[0])
    assert np.array_equal(back.labels, labels().data)


def test_nothing_is_dropped_that_was_not_named(tmp_path: Path) -> None:
    rich = record(truth=LabelMap(labels().data * 3), pixel_size=PixelSize(0.5, 0.5))
    with pytest.raises(CannotCarry, match="ids"):
        write_layout(Dsb2018(), [rich], tmp_path / "out", drop=["pixel_size"])
    assert write_layout(Dsb2018(), [rich], tmp_path / "out", drop=["all"]).dropped == {"ids": 1, "pixel_size": 1}
    with pytest.raises(CannotCarry, match="nothing that can be dropped"):
        checked_drop(["pixelsize"])
    assert checked_drop(["all"]) == set(FEATURES)


def test_a_truth_becomes_what_the_layout_holds_or_is_refused() -> None:
    boxes = Carries((CellBoxes,), features=features("classes"))
    with pytest.raises(CannotCarry, match="outlines"):
        fitted(record(truth=labels()), boxes, "boxes", checked_drop([]))
    fit, lost = fitted(record(truth=overlapping()), boxes, "boxes", checked_drop(["outlines"]))
    assert lost == {"outlines"}
    assert isinstance(fit.truth, CellBoxes)
    assert [(box.box, box.name) for box in fit.truth.boxes] == [((0, 0, 1, 1), "T"), ((0, 0, 2, 2), "B")]

    maps = Carries((LabelMap,), features=features("outlines", "holes", "pieces", "ids"))
    with pytest.raises(CannotCarry, match="classes, overlaps"):
        fitted(record(truth=overlapping()), maps, "maps", checked_drop([]))
    fit, lost = fitted(record(truth=overlapping()), maps, "maps", checked_drop(["classes", "overlaps"]))
    assert lost == {"classes", "overlaps"}
    assert fit.labels is not None

    classed = Carries((CellClasses,), features=features("outlines", "classes"))
    fit, lost = fitted(record(truth=labels()), classed, "classed", checked_drop([]))
    assert lost == set()
    assert isinstance(fit.truth, CellClasses)
    assert fit.truth.classes == {1: ("cell",), 2: ("cell",)}

    both = Readings({"a": labels(), "b": labels(holes=True)})
    with pytest.raises(CannotCarry, match="cannot hold Readings"):
        fitted(record(truth=both), maps, "maps", checked_drop(["all"]))
    fit, lost = fitted(record(truth=replace(both, consensus=labels())), maps, "maps", checked_drop(["readings"]))
    assert (lost, type(fit.truth)) == ({"readings"}, LabelMap)

    none = Carries()
    with pytest.raises(CannotCarry, match="cannot hold LabelMap"):
        fitted(record(truth=labels()), none, "plain", checked_drop([]))
    assert fitted(record(truth=labels()), none, "plain", checked_drop(["truth"]))[0].truth is None


def test_images_that_do_not_fit_are_refused_whatever_may_be_dropped(tmp_path: Path) -> None:
    for image, match in (
        (ImageData(np.zeros((1, 4, 5), np.float32), "cyx", ("a",)), "float32"),
        (ImageData(np.zeros((2, 4, 5), np.uint8), "cyx", ("a", "b")), "2 channels"),
        (ImageData(np.zeros((2, 1, 4, 5), np.uint8), "tcyx", ("a",)), "not tcyx"),
    ):
        with pytest.raises(CannotCarry, match=match):
            write_layout(Dsb2018(), [replace(record(), pixels=image)], tmp_path / "out", drop=["all"])
    alone = Record(record().entry, None, labels(), Path("x"))
    with pytest.raises(CannotCarry, match="image is not there"):
        write_layout(Dsb2018(), [alone], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_names_that_would_fall_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AlreadyThere, match="two images"):
        write_layout(Dsb2018(), [record("A"), record("a")], tmp_path / "out")
    with pytest.raises(CannotCarry, match="names"):
        write_layout(Dsb2018(), [record("a/b")], tmp_path / "out")
    write_layout(Dsb2018(), [record("a/b")], tmp_path / "out", drop=["names"])
    assert [entry.name for entry in Dsb2018().scan(tmp_path / "out").entries] == ["a_b"]
    assert not any(is_file_name(name) for name in ("", ".a", "a/b", "a\\b", "a:b", "a\n", " a", "a.", "..", "x" * 201))


def test_a_view_of_another_layout_is_only_read(tmp_path: Path) -> None:
    with pytest.raises(CannotCarry, match="only read"):
        write_layout(get_layout("voc_crops"), [record()], tmp_path / "out")


@pytest.mark.parametrize("layout", [x for x in all_layouts() if isinstance(x, WritableLayout) and x.carries.images])
def test_an_axis_of_one_plane_or_frame_is_kept_or_named(layout: WritableLayout, tmp_path: Path) -> None:
    """A TIFF cannot tell a stack of one plane from a plane."""
    thin = [axes for axes in layout.carries.axes if axes in ("tcyx", "czyx")]
    if not thin or layout.name == "hcs":  # a plate needs places
        return
    movie = LabelMovie(np.ones((1, 4, 5), dtype=np.uint32), Lineage((Track(1, 0, 0),)))
    stack = ImageData(np.arange(20, dtype=np.uint16).reshape(1, 1, 4, 5), thin[0], ("intensity",))
    truths = {LabelMovie: movie, PointTracks: PointTracks.of(movie), ImagePair: ImagePair.of(stack, record().image)}
    kind = next((kind for kind in layout.carries.truths if kind in truths), None) if thin[0] == "tcyx" else None
    if not layout.carries.unlabelled and kind is None:
        kind = ImagePair
    wanted = replace(record("one"), pixels=stack, truth=truths[kind] if kind else None)
    if "thin_axes" not in layout.carries.features:
        with pytest.raises(CannotCarry):
            write_layout(layout, [wanted], tmp_path / "out")
        return
    write_layout(layout, [wanted], tmp_path / "out")
    back = layout.read(layout.scan(tmp_path / "out").entries[0])
    assert (back.image.axes, back.image.data.shape) == (stack.axes, stack.data.shape)
