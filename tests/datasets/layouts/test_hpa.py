"""Human Protein Atlas: four files an image, classes by number, test images without labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cellcommons.classes import ImageClasses, Ontology
from cellcommons.errors import CannotCarry, CellCommonsError, InvalidDocument, MismatchedShapes, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.hpa import COLOURS, LABELS, STAINS, TARGETS, Hpa
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.layout_suite import LayoutSuite

LAYOUT = Hpa()


class TestHpa(LayoutSuite):
    layout = Hpa()
    classes = TARGETS

    def arranged(self, wanted: dict[str, Record]) -> dict[str, Record]:
        for name, record in wanted.items():
            data = np.resize(record.image.data, (4, *record.image.shape_yx))
            image = ImageData(data, "cyx", STAINS)
            wanted[name] = replace(record, pixels=image)
        return wanted


def stains(folder: Path, name: str, colours: tuple[str, ...] = COLOURS) -> None:
    folder.mkdir(exist_ok=True)
    for value, colour in enumerate(colours, start=1):
        (folder / f"{name}_{colour}.png").write_bytes(imagecodecs.png_encode(np.full((5, 6), value, np.uint8)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("00070df0-bbc3", "000a6c98-bb9b", "none"):
        stains(tmp_path / "train", name)
    stains(tmp_path / "test", "00008af0")
    (tmp_path / "train.csv").write_text("Id,Target\n00070df0-bbc3,16 0\n000a6c98-bb9b,27\nnone,\nabsent,1\n")
    (tmp_path / "sample_submission.csv").write_text("Id,Predicted\n00008af0,0\n")
    return tmp_path


def test_classes_have_their_published_names(folder: Path) -> None:
    assert (len(TARGETS), len(LABELS)) == (28, 19)
    assert guess_layout(folder).name == "hpa"
    scan = LAYOUT.scan(folder)
    assert {e.name: e.split for e in scan.entries} == {
        "00008af0": "test",
        "00070df0-bbc3": "train",
        "000a6c98-bb9b": "train",
        "none": "train",
    }
    assert [s.reason for s in scan.skipped] == ["image absent is not here"]
    records = {entry.name: LAYOUT.read(entry) for entry in scan.entries}
    record = records["00070df0-bbc3"]
    assert (record.image.channels, record.image.data[:, 0, 0].tolist()) == (STAINS, [1, 2, 3, 4])
    truths = {name: None if one.truth is None else one.truth.classes for name, one in records.items()}  # type: ignore[union-attr]
    assert truths == {
        "00008af0": None,
        "00070df0-bbc3": ("Nucleoplasm", "Cytokinetic bridge"),
        "000a6c98-bb9b": ("Rods & rings",),
        "none": (),
    }


def test_the_second_competition_has_19_classes(folder: Path) -> None:
    (folder / "train.csv").write_text("ID,Label\n".replace("ID", "Id") + "none,8|18\n")
    truth = LAYOUT.read(next(e for e in LAYOUT.scan(folder).entries if e.name == "none")).truth
    assert isinstance(truth, ImageClasses)
    assert truth.classes == ("Intermediate filaments", "Negative")


def test_an_image_that_lacks_a_stain_is_left_out(folder: Path) -> None:
    (folder / "train" / "none_yellow.png").unlink()
    stains(folder / "other", "00008af0")
    scan = LAYOUT.scan(folder)
    assert {(s.path.name, s.reason) for s in scan.skipped} == {
        ("none_blue.png", "its image lacks yellow"),
        ("00008af0_blue.png", "its image lacks a name of its own"),
        ("train.csv", "image absent is not here"),
        ("train.csv", "image none is not here"),
    }


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("Id,Target\nnone,28\n", "class '28' is no number from 0 to 27"),
        ("Id,Target\nnone,-1\n", "class '-1'"),
        ("Id,Target\nnone,٣\n", "is no number"),
        ("Id,Target\nnone,1 1\n", "named twice"),
        ("Id,Target\nnone,1\nnone,2\n", "'none' is listed twice"),
        ("Id,Class\nnone,1\n", "needs columns Id and Target"),
        ("Id,Label\nnone,19\n", "from 0 to 18"),
        ("Id,Id\n", "twice"),
    ],
)
def test_bad_tables_are_named(folder: Path, table: str, said: str) -> None:
    (folder / "train.csv").write_text(table)
    with pytest.raises(InvalidDocument, match=said):
        LAYOUT.scan(folder)


def test_bad_images_are_named(folder: Path, tmp_path: Path) -> None:
    file = folder / "test" / "00008af0_green.png"
    file.write_bytes(imagecodecs.png_encode(np.zeros((5, 7), np.uint8)))
    with pytest.raises(MismatchedShapes, match="00008af0_green"):
        LAYOUT.read(LAYOUT.scan(folder).entries[0])
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(CellCommonsError, match="00008af0_green"):
        LAYOUT.read(LAYOUT.scan(folder).entries[0])
    with pytest.raises(UnknownLayout, match="hpa"):
        LAYOUT.scan(tmp_path / "absent")


@pytest.mark.parametrize(
    ("channels", "ontology", "said"),
    [(("a", "b", "c", "d"), TARGETS, "holds the stains"), (STAINS, Ontology(("Nucleoplasm", "x")), "own 28 classes")],
)
def test_other_stains_and_classes_are_refused(
    tmp_path: Path, channels: tuple[str, ...], ontology: Ontology, said: str
) -> None:
    image = ImageData(np.zeros((4, 4, 5), np.uint8), "cyx", channels)
    record = Record(Entry("a", (), ""), image, ImageClasses(ontology.names[:1], ontology), Path())
    with pytest.raises(CannotCarry, match=said):
        write_layout(LAYOUT, [record], tmp_path / "out")
    assert not list(tmp_path.iterdir())
