"""BU-BIL: real crowds against gold, and a generated folder with crops in known places."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from cellcommons.classes import Ontology
from cellcommons.errors import CannotCarry, MismatchedShapes, UnknownLayout
from cellcommons.fusion.semantic import fuse_semantic, learn_quorum
from cellcommons.images.data import ImageData
from cellcommons.layouts.bubil import CELL, Bubil, CrowdReadings
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.measures.semantic import semantic_scores
from cellcommons.readings import Readings
from cellcommons.semantic import SemanticMap
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.sameness import assert_same_record

LAYOUT = Bubil()


class TestBubil(LayoutSuite):
    layout = Bubil()
    classes = CELL


def mask(path: Path, cell: np.ndarray, *, alpha: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.where(cell, np.uint8(0), np.uint8(255))
    if alpha:
        data = np.stack([data, data, data, np.full_like(data, 255)], axis=-1)
    path.write_bytes(imagecodecs.png_encode(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "crowd" / "BU-BIL_Dataset1"
    rows, cols = np.indices((80, 90))
    cell = (rows - 40) ** 2 / 150 + (cols - 30) ** 2 / 60 < 1
    mask(base / "GoldStandard" / "seg_B1.png", cell)
    mask(base / "ExpertsAnnotations" / "Person1_Amira" / "seg_B1.png", cell)
    (base / "RawImages").mkdir()
    (base / "RawImages" / "B1.png").write_bytes(imagecodecs.png_encode((rows + cols).astype(np.uint8)))
    for place in (1, 2):
        # The crop lies 2 rows above and 1 column right of where the gold's box would put it.
        mask(
            base / "CrowdsourcedAnnotations" / f"mturk_annotation1-{place}" / "seg_B1.png",
            cell[14:62, 16:46],
            alpha=True,
        )
    return tmp_path / "crowd"


def test_readings_lie_in_the_frame_and_the_rest_is_unknown(folder: Path) -> None:
    for path in (folder, folder / "BU-BIL_Dataset1"):
        (entry,) = LAYOUT.scan(path).entries
        assert (entry.name, entry.stratum, entry.metadata["crowd"]) == ("B1", "set 1", 2)
    crowd = LAYOUT.read_crowd(entry)
    assert crowd.gold is not None
    assert list(crowd.readings) == ["1", "2"]
    reading = crowd.readings["1"]
    inside = np.s_[14:62, 16:46]
    assert np.array_equal(reading.data[inside], crowd.gold.data[inside])
    assert reading.known.sum() == 48 * 30
    assert np.array_equal(crowd.experts["Person1_Amira"].data, crowd.gold.data)
    record = LAYOUT.read(entry)
    assert isinstance(record.truth, Readings)
    assert list(record.truth.by) == ["Person1_Amira", "worker 1", "worker 2"]
    assert isinstance(record.truth.consensus, SemanticMap)
    assert record.truth.consensus.data.shape == record.image.shape_yx


def test_a_raw_image_that_is_the_crop_gets_gold_cut_to_it(folder: Path) -> None:
    base = folder / "BU-BIL_Dataset1"
    (base / "RawImages" / "B1.png").write_bytes(imagecodecs.png_encode(np.zeros((48, 30), np.uint8)))
    (base / "ExpertsAnnotations" / "Person1_Amira" / "seg_B1.png").unlink()
    crowd = LAYOUT.read_crowd(LAYOUT.scan(folder).entries[0])
    assert crowd.gold is not None
    assert np.array_equal(crowd.gold.data, crowd.readings["2"].data)
    (base / "RawImages" / "B1.png").write_bytes(imagecodecs.png_encode(np.zeros((48, 31), np.uint8)))
    with pytest.raises(MismatchedShapes, match="no crop of it"):
        LAYOUT.read(LAYOUT.scan(folder).entries[0])


def test_masks_that_do_not_fit_are_refused(folder: Path) -> None:
    base = folder / "BU-BIL_Dataset1"
    crowd = base / "CrowdsourcedAnnotations" / "mturk_annotation1-2" / "seg_B1.png"
    mask(crowd, np.ones((48, 31), bool))
    with pytest.raises(MismatchedShapes, match="differ in size"):
        LAYOUT.read(LAYOUT.scan(folder).entries[0])
    crowd.unlink()
    mask(base / "GoldStandard" / "seg_B1.png", np.zeros((80, 90), bool))
    with pytest.raises(MismatchedShapes, match="no cell"):
        LAYOUT.read(LAYOUT.scan(folder).entries[0])


def test_other_folders_are_refused_and_odd_masks_skipped(folder: Path, tmp_path: Path) -> None:
    mask(folder / "BU-BIL_Dataset1" / "GoldStandard" / "seg_B2.png", np.ones((4, 4), bool))
    scan = LAYOUT.scan(folder)
    assert ([e.name for e in scan.entries], [s.path.name for s in scan.skipped]) == (["B1"], ["seg_B2.png"])
    for path in (tmp_path / "absent", folder / "BU-BIL_Dataset1" / "RawImages"):
        assert LAYOUT.guess(path)[0] == 0
        with pytest.raises(UnknownLayout, match="bubil"):
            LAYOUT.scan(path)


def test_a_crowd_without_gold_has_no_place_and_gold_may_be_missing(folder: Path) -> None:
    base = folder / "BU-BIL_Dataset1"
    (base / "GoldStandard" / "seg_B1.png").unlink()
    scan = LAYOUT.scan(folder)
    assert [s.reason for s in scan.skipped] == ["no seg_B1.png in GoldStandard/, which says where the crowd's crop is"]
    truth = LAYOUT.read(scan.entries[0]).truth
    assert isinstance(truth, Readings)
    assert (list(truth.by), truth.consensus) == (["Person1_Amira"], None)


def test_a_crowd_is_written_as_masks_of_the_full_frame_where_unknown_may_be_dropped(folder: Path) -> None:
    record = LAYOUT.read(LAYOUT.scan(folder).entries[0])
    with pytest.raises(CannotCarry, match="unknown"):
        write_layout(LAYOUT, [record], folder / "again")
    write_layout(LAYOUT, [record], folder / "again", drop=["unknown"])
    again = LAYOUT.read(LAYOUT.scan(folder / "again").entries[0])
    assert (again.entry.name, again.entry.stratum) == ("B1", "set 1")
    assert isinstance(again.truth, Readings)
    assert isinstance(record.truth, Readings)
    for who, one in record.truth.by.items():
        kept = again.truth.by[who]
        assert isinstance(one, SemanticMap)
        assert isinstance(kept, SemanticMap)
        assert np.array_equal(kept.data == 1, one.data == 1)
        assert kept.known.all()


def test_other_classes_are_refused(tmp_path: Path) -> None:
    image = ImageData(np.zeros((1, 4, 5), np.uint8), "cyx", ("intensity",))
    truth = SemanticMap(np.zeros((4, 5), np.uint8), Ontology(("glass", "cell")))
    with pytest.raises(CannotCarry, match="background, cell, not glass, cell"):
        write_layout(LAYOUT, [Record(Entry("a", (), ""), image, truth, Path())], tmp_path / "out")


def jaccard(gold: SemanticMap, found: SemanticMap) -> float:
    return semantic_scores(gold, found).jaccard("cell") or 0.0


def means(crowds: list[CrowdReadings]) -> tuple[float, float, float]:
    """Mean Jaccard to gold of single workers, of their majority, and of EM."""
    single, majority, em = [], [], []
    for crowd in crowds:
        assert crowd.gold is not None
        readings = list(crowd.readings.values())
        single.append(np.mean([jaccard(crowd.gold, reading) for reading in readings]))
        majority.append(jaccard(crowd.gold, fuse_semantic(readings, method="majority").consensus))
        em.append(jaccard(crowd.gold, fuse_semantic(readings).consensus))
    return float(np.mean(single)), float(np.mean(majority)), float(np.mean(em))


@pytest.mark.real_data
def test_the_real_crowds(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "crowd_seg_bubil"
    assert guess_layout(folder).name == "bubil"
    scan = LAYOUT.scan(folder)
    assert (len(scan.entries), scan.skipped) == (96, ())
    assert [sum(e.stratum == f"set {n}" for e in scan.entries) for n in (1, 4)] == [35, 61]
    assert all(e.metadata["crowd"] == 7 for e in scan.entries)
    loose, tight = (
        [LAYOUT.read_crowd(e, experts=False) for e in scan.entries if e.stratum == stratum]
        for stratum in ("set 1", "set 4")
    )
    single, majority, em = means(loose)
    assert single + 0.03 < majority < em
    # Here workers agree so well that counting heads is enough: EM is as good to within half a percent.
    single, majority, em = means(tight)
    assert abs(single - 0.836) < 0.005
    assert abs(majority - 0.900) < 0.005
    assert abs(em - majority) < 0.005
    # These workers paint too far out, which gold shows and agreement cannot: learn on one half, try on the other.
    # Some 17 images are needed for it: a quorum from 6 of them came out too high for the rest.
    examples = [(crowd.gold, list(crowd.readings.values())) for crowd in loose if crowd.gold is not None]
    learned, plain = [], []
    for learn, held_out in ((examples[::2], examples[1::2]), (examples[1::2], examples[::2])):
        quorum = learn_quorum(learn)
        assert quorum > 0.5
        for gold, readings in held_out:
            learned.append(jaccard(gold, fuse_semantic(readings, method="majority", quorum=quorum).consensus))
            plain.append(jaccard(gold, fuse_semantic(readings, method="majority").consensus))
    assert np.mean(learned) > np.mean(plain) + 0.01
    some = [LAYOUT.read(entry) for entry in scan.entries if entry.stratum == "set 1"][:2]
    for record in some:
        assert isinstance(record.truth, Readings)
        assert len(record.truth.by) == 17
        experts = {who: one for who, one in record.truth.by.items() if not who.startswith("worker")}
        record.truth = Readings(experts, record.truth.consensus)
    write_layout(LAYOUT, some, tmp_path / "again")
    for entry, record in zip(LAYOUT.scan(tmp_path / "again").entries, some, strict=True):
        assert_same_record(LAYOUT.read(entry), record, LAYOUT.carries)
