"""Boxes of several pathologists without images: the real exports with their counts, and lines that are damaged."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellcommons.classes import CellBox, CellBoxes, Ontology
from cellcommons.errors import CannotCarry, CellCommonsError, NotFound, UnknownLayout
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.miccai2020 import Miccai2020
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.readings import Readings
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.sameness import assert_same_record

LAYOUT = Miccai2020()
TIMES = "marzahl|2020-01-11 15:55:06.370021|marzahl|2020-01-12 10:28:31.630570|8612d5e1|False"


class TestMiccai2020(LayoutSuite):
    layout = Miccai2020()


def line(image: str, name: str, x0: int, y0: int, x1: int, y1: int, size: str = "40|30") -> str:
    return f'{image}|{name}|{{"x1": "{x0}","y1": "{y0}","x2": "{x1}","y2": "{y1}",}}|{TIMES}|{size}\n'


def export(folder: Path, who: str, text: str, *, rounds: str = "SecondRound") -> Path:
    task = folder / "Results" / "EIPH" / rounds
    for half in ("Participants", "GT"):
        (task / half).mkdir(parents=True, exist_ok=True)
    name = f"GT/{who}" if who.endswith(".txt") else f"Participants/export_[Second Round] EIPH_LabelStudy_{who}.txt"
    (task / name).write_text(text, encoding="utf-8")
    return task / name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    opened = "[01_EIPH Turnbull blue.png|Participant_3|2020-01-21 16:56:47.463827|2]\n\n\n"
    export(
        tmp_path, "Participant_3", opened + "image name|annotation type|not in image\n" + line("b.png", "2", 1, 2, 5, 6)
    )
    export(
        tmp_path,
        "Participant_11",
        line("01_EIPH Turnbull blue.png", "4", -3, 2, 5, 31)
        + line("01_EIPH Turnbull blue.png", "10", 7, 7, 7, 9)
        + line("b.png", "0", 0, 0, 40, 30),
    )
    export(tmp_path, "ground truth.txt", line("01_EIPH Turnbull blue.png", "4", 0, 2, 5, 30))
    export(tmp_path, "unchanged submission_19.txt", line("b.png", "2", 1, 2, 5, 6) * 2)
    export(tmp_path, "changed.txt", line("b.png", "2", 1, 2, 5, 6))
    return tmp_path


def test_people_are_readings_and_the_ground_truth_their_consensus(folder: Path) -> None:
    assert guess_layout(folder).name == "miccai2020_boxes"
    scan = LAYOUT.scan(folder)
    assert not scan.skipped
    assert [(e.name, e.stratum) for e in scan.entries] == [
        ("01_EIPH Turnbull blue", "EIPH SecondRound"),
        ("b", "EIPH SecondRound"),
    ]
    first, second = (LAYOUT.read(entry) for entry in scan.entries)
    with pytest.raises(NotFound, match="without their image"):
        first.image  # noqa: B018
    assert isinstance(first.truth, Readings)
    assert isinstance(second.truth, Readings)
    # Who opened an image and left no box saw no cell; boxes are cut, and those without a pixel left out.
    boxes = {who: one.boxes for who, one in first.truth.by.items() if isinstance(one, CellBoxes)}
    assert boxes == {"Participant_11": (CellBox((2, 0, 30, 5), "4"),), "Participant_3": ()}
    assert (first.entry.metadata["cut_boxes"], first.entry.metadata["boxes_outside"]) == (1, 1)
    assert isinstance(first.truth.consensus, CellBoxes)
    assert second.truth.consensus is None
    # Grades are ranks, by number.
    ontology = first.truth.consensus.ontology
    assert (ontology.names, ontology.ordinal) == (("0", "2", "4", "10"), True)
    assert second.entry.metadata["suggested"] == 2
    assert second.entry.metadata["faults"] == {"changed": [[2, 1, 6, 5, "2"]]}


def test_the_same_image_of_two_rounds_is_told_apart(folder: Path) -> None:
    export(folder, "Participant_3", line("b.png", "2", 1, 2, 5, 6), rounds="FirstRound")
    scan = LAYOUT.scan(folder)
    assert [(e.name, e.source) for e in scan.entries] == [
        ("01_EIPH Turnbull blue", "01_EIPH Turnbull blue"),
        ("EIPH FirstRound b", "b"),
        ("EIPH SecondRound b", "b"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (line("b.png", "2", 1, 2, 5, 6).replace('"x2": "5",', ""), "x1, y1, x2 and y2"),
        (line("b.png", "2", 1, 2, 5, 6).replace("|2|", "|"), "cannot be read"),
        (line("b.png", "2", 1, 2, 5, 6, "40"), "width and height"),
        (line("b.png", "2", 1, 2, 5, 6, "0|30"), "width and height"),
        (line("b.png", "2", 1, 2, 5, 6, "9999999|9999999"), "9999999 x 9999999 pixels"),
        (line("b.png", "2", 1, 2, 5, 6) + line("b.png", "2", 1, 2, 5, 6, "41|30"), "another size"),
        (line("b.png", "2", 1, 2, 5, 6, "44|30"), "state different sizes"),
        ("[b.png|Participant_3|x|2]\n[c.png|Participant_3|x|2]\n", "no file states its size"),
        (line("b.png", "n" * 99, 1, 2, 5, 6), "cannot name a class"),
    ],
)
def test_damaged_lines_are_named(folder: Path, text: str, said: str) -> None:
    export(folder, "Participant_3", text)
    with pytest.raises(CellCommonsError, match=said):
        [LAYOUT.read(entry) for entry in LAYOUT.scan(folder).entries]


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_is_read_or_refused(folder: Path, data: st.DataObject) -> None:
    text = line("b.png", "2", 1, 2, 5, 6) + "[b.png|Participant_3|x|2]\n"
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 4)) :]
    try:
        export(folder, "Participant_3", changed)
    except UnicodeEncodeError:
        return
    with suppress(CellCommonsError):
        for entry in LAYOUT.scan(folder).entries:
            assert LAYOUT.read(entry).truth is not None


def test_other_folders_and_names_are_refused(folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "absent", folder / "Results" / "EIPH" / "SecondRound" / "GT"):
        with pytest.raises(UnknownLayout, match="miccai2020_boxes"):
            LAYOUT.scan(path)
    for who, name, said in (("a/b", "x", "part of a file's name"), ("a", "x|y", "between bars")):
        truth = Readings({who: CellBoxes((CellBox((0, 0, 1, 1), name),), (4, 5), Ontology((name,)))})
        with pytest.raises(CannotCarry, match=said):
            write_layout(LAYOUT, [Record(Entry("a", (), ""), None, truth, Path())], tmp_path / "out")


@pytest.mark.real_data
def test_the_real_exports(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "crowd_cells_miccai2020"
    assert guess_layout(folder).name == "miccai2020_boxes"
    scan = LAYOUT.scan(folder)
    assert not scan.skipped
    boxes, outside, gold, faults = Counter[str](), 0, Counter[str](), Counter[str]()
    alone, records = 0, []
    for entry in scan.entries:
        record = LAYOUT.read(entry)
        records.append(record)
        truth = record.truth
        outside += record.entry.metadata["boxes_outside"]
        if isinstance(truth, Readings):
            assert len(truth.by) == 10
            boxes[entry.stratum] += sum(len(one.boxes) for one in truth.by.values() if isinstance(one, CellBoxes))
            truth = truth.consensus
        else:
            alone += 1
        assert isinstance(truth, CellBoxes)
        gold[entry.stratum] += len(truth.boxes)
        for kind, found in entry.metadata.get("faults", {}).items():
            faults[f"{entry.stratum} {kind}"] += len(found)
    # 20 images of each task; in one, two more have a ground truth and no people. Two of 15,012 boxes have no pixel.
    assert (len(scan.entries), alone) == (84, 4)
    assert boxes == {
        "EIPH FirstRound": 2550,
        "EIPH SecondRound": 3173,
        "Asthma FirstRound": 4543 - outside,
        "Asthma SecondRound": 4746,
    }
    assert (boxes.total() + outside, outside) == (15_012, 2)
    assert gold == {
        f"{task} {n}Round": count for task, count in (("EIPH", 312), ("Asthma", 653)) for n in ("First", "Second")
    }
    assert faults == {
        "EIPH SecondRound changed": 77,
        "EIPH SecondRound deleted": 5,
        "EIPH SecondRound nms": 10,
        "Asthma SecondRound changed": 15,
        "Asthma SecondRound deleted": 5,
        "Asthma SecondRound nms": 9,
    }
    some = [record for record in records if record.entry.stratum == "EIPH FirstRound"]
    write_layout(LAYOUT, some, tmp_path / "again")
    for entry, record in zip(LAYOUT.scan(tmp_path / "again").entries, some, strict=True):
        assert_same_record(LAYOUT.read(entry), record, LAYOUT.carries)
