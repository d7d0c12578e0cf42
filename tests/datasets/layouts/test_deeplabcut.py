"""DeepLabCut's projects: headers of one and several animals, several scorers, and tables that are damaged."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellcommons.errors import CannotCarry, CellCommonsError, InvalidDocument, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.deeplabcut import DeepLabCut
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.readings import Readings
from cellcommons.testing.layout_suite import LayoutSuite

LAYOUT = DeepLabCut()


class TestDeepLabCut(LayoutSuite):
    layout = DeepLabCut()
    mixed = False

    def arranged(self, wanted: dict[str, Record]) -> dict[str, Record]:
        """All with as many landmarks, of the same names; at least two people's readings."""
        for name, record in wanted.items():
            truth = record.truth
            if isinstance(truth, Readings):
                by = {who: alike(one) for who, one in truth.by.items() if isinstance(one, Keypoints)}
                first = next(iter(by.values()))
                wanted[name] = replace(record, truth=Readings({**by, "ana": first, "ben": first}))
            elif isinstance(truth, Keypoints):
                wanted[name] = replace(record, truth=alike(truth))
        return wanted


def alike(one: Keypoints) -> Keypoints:
    positions = np.full((len(one.objects), 4, 2), np.nan)
    positions[:, : len(one.landmarks)] = one.positions
    return Keypoints(positions, ("snout", "left ear", "right ear", "tail"), one.objects, one.shape)


SINGLE = """scorer,Ana,Ana,Ana,Ana
bodyparts,snout,snout,tail,tail
coords,x,y,x,y
labeled-data/m1/img001.png,10.5,3.25,,
labeled-data/m1/img002.png,nan,NaN,1,2
labeled-data/m1/gone.png,,,,
"""
SEVERAL = """scorer,,,Ana,Ana,Ana,Ana,Ana,Ana,Ana,Ana,Ana,Ana
individuals,,,mus1,mus1,mus1,mus1,mus2,mus2,mus2,mus2,single,single
bodyparts,,,snout,snout,tail,tail,snout,snout,tail,tail,corner,corner
coords,,,x,y,x,y,x,y,x,y,x,y
labeled-data,m1,img001.png,1,2,3,4,,,,,0,5
labeled-data,m1,img002.png,,,,,5,6,,,,
"""


def project(folder: Path, table: str, *, who: str = "Ana", frames: int = 3) -> Path:
    video = folder / "labeled-data" / "m1"
    video.mkdir(parents=True, exist_ok=True)
    for number in range(1, frames + 1):
        (video / f"img{number:03d}.png").write_bytes(imagecodecs.png_encode(np.full((8, 12), number, np.uint8)))
    path = video / f"CollectedData_{who}.csv"
    path.write_text(table, encoding="utf-8")
    return path


def test_one_animal(tmp_path: Path) -> None:
    project(tmp_path, SINGLE)
    assert guess_layout(tmp_path).name == "deeplabcut"
    for path in (tmp_path, tmp_path / "labeled-data", tmp_path / "labeled-data" / "m1"):
        scan = LAYOUT.scan(path)
        assert [(e.name, e.source) for e in scan.entries] == [(f"img00{n}", "m1") for n in (1, 2, 3)]
        assert [s.reason for s in scan.skipped] == ["the frame gone.png is not here"]
    first, second, third = (LAYOUT.read(entry).truth for entry in scan.entries)
    assert isinstance(first, Keypoints)
    assert (first.landmarks, first.objects, first.shape) == (("snout", "tail"), ("1",), (8, 12))
    np.testing.assert_array_equal(first.positions, [[[3.25, 10.5], [np.nan, np.nan]]])
    assert isinstance(second, Keypoints)
    np.testing.assert_array_equal(second.positions, [[[np.nan, np.nan], [2, 1]]])
    assert third is None


def test_several_animals_and_landmarks_of_their_own(tmp_path: Path) -> None:
    project(tmp_path, SEVERAL)
    first, second, _ = (LAYOUT.read(entry).truth for entry in LAYOUT.scan(tmp_path).entries)
    assert isinstance(first, Keypoints)
    assert (first.landmarks, first.objects) == (("snout", "tail", "corner"), ("mus1", "single"))
    np.testing.assert_array_equal(first.positions[0, :2], [[2, 1], [4, 3]])
    np.testing.assert_array_equal(first.positions[1, 2], [5, 0])
    assert isinstance(second, Keypoints)
    assert (second.objects, second.placed.sum()) == (("mus2",), 1)


def test_several_scorers_are_readings(tmp_path: Path) -> None:
    project(tmp_path, SINGLE)
    project(tmp_path, SINGLE.replace("Ana", "Ben").replace("10.5", "11").replace("img002", "img003"), who="Ben")
    truths = [LAYOUT.read(entry).truth for entry in LAYOUT.scan(tmp_path).entries]
    assert all(isinstance(truth, Readings) for truth in truths)
    assert [list(truth.by) for truth in truths if isinstance(truth, Readings)] == [["Ana", "Ben"], ["Ana"], ["Ben"]]


def test_pandas_reads_what_is_written_as_deeplabcut_does(tmp_path: Path) -> None:
    project(tmp_path / "in", SEVERAL)
    records = [LAYOUT.read(entry) for entry in LAYOUT.scan(tmp_path / "in").entries]
    write_layout(LAYOUT, records, tmp_path / "out")
    path = tmp_path / "out" / "labeled-data" / "m1" / "CollectedData_Ana.csv"
    assert path.read_text().splitlines()[4].split(",")[0] == "labeled-data"  # by this the peer tells three columns
    found = pd.read_csv(path, header=list(range(4)), index_col=[0, 1, 2])
    assert found.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert found.loc[("labeled-data", "m1", "img001.png"), ("Ana", "mus1", "tail", "x")] == 3
    project(tmp_path / "one", SINGLE)
    write_layout(LAYOUT, map(LAYOUT.read, LAYOUT.scan(tmp_path / "one").entries), tmp_path / "single")
    path = tmp_path / "single" / "labeled-data" / "m1" / "CollectedData_Ana.csv"
    found = pd.read_csv(path, header=list(range(3)), index_col=[0, 1, 2])
    assert found[("Ana", "snout", "x")].tolist()[0] == 10.5
    assert np.isnan(found[("Ana", "tail", "y")].tolist()[0])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("bodyparts", "parts", "its first rows are to be"),
        ("coords,x", "coords,z", "1 snout z"),
        ("coords,x,y,x,y", "coords,x,x,x,y", "named twice"),
        ("coords,x,y,x,y", "coords,,,,", "columns"),
        ("tail,tail", "tail", "different lengths"),
        ("3.25", "three", "'three' is no coordinate"),
        ("3.25", "inf", "is no coordinate"),
        ("3.25", "1e300", "is no coordinate"),
        (",3.25", "", "4 fields for 5 columns"),
        ("img002", "img001", "listed twice"),
        ("labeled-data/m1/img001.png", "", "no frame"),
        ("Ana", "A" * 140_000, "not a UTF-8 CSV"),
    ],
)
def test_damaged_tables_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    project(tmp_path, SINGLE.replace(old, new, 1))
    with pytest.raises(InvalidDocument, match=said):
        LAYOUT.scan(tmp_path)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([SINGLE, SEVERAL]))
    at = data.draw(st.integers(0, len(text)))
    new = data.draw(st.one_of(st.text(max_size=3), st.sampled_from([",", "\n", '"', "\r", "\0"])))
    with suppress(CellCommonsError, UnicodeEncodeError):
        project(tmp_path, text[:at] + new + text[at + data.draw(st.integers(0, 9)) :])
        for entry in LAYOUT.scan(tmp_path).entries:
            LAYOUT.read(entry)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    project(tmp_path, SINGLE)
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    outside.write_bytes((tmp_path / "labeled-data" / "m1" / "img001.png").read_bytes())
    (tmp_path / "labeled-data" / "m1" / "img009.png").symlink_to(outside)
    assert "img009" not in [entry.name for entry in LAYOUT.scan(tmp_path).entries]


def test_another_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        assert LAYOUT.guess(path)[0] == 0
        with pytest.raises(UnknownLayout, match="deeplabcut"):
            LAYOUT.scan(path)


def points(name: str, landmarks: tuple[str, ...]) -> Record:
    truth = Keypoints(np.ones((1, len(landmarks), 2)), landmarks, ("1",), (4, 5))
    return Record(Entry(name, (), ""), ImageData(np.zeros((1, 4, 5), np.uint8), "cyx", ("intensity",)), truth, Path())


def test_what_a_project_cannot_hold_is_refused(tmp_path: Path) -> None:
    one, other = points("a", ("snout",)), points("b", ("tail",))
    assert isinstance(one.truth, Keypoints)
    alone = replace(one, truth=Readings({"ana": one.truth}))
    several = replace(points("c", ("snout",)), truth=Readings({"ana": one.truth, "ben": one.truth}))
    cases = (([one, other], "same landmarks"), ([alone], "two or more"), ([one, several], "two or more"))
    for records, said in (*cases, ([points("d", (" x",))], "white space")):
        with pytest.raises(CannotCarry, match=said):
            write_layout(LAYOUT, records, tmp_path / "out")
    assert not list(tmp_path.iterdir())
