"""DeepCell's .trk and .trks: as deepcell-tracking writes them, as we do, and damaged."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cellcommons.errors import CellCommonsError, InvalidDocument, UnknownLayout
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.deepcell_tracks import DeepCellTracks
from cellcommons.layouts.writing import write_layout
from cellcommons.synthetic.movies import generate_movie
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.tracks import LabelMovie, Track

TRACKED = np.zeros((5, 8, 9), dtype=np.int32)
TRACKED[:2, 2:6, 2:6] = 1
TRACKED[2:, 2:4, 2:6], TRACKED[2:, 5:, 2:6] = 2, 3
TRACKED[[0, 3], 0, 0] = 4
LINEAGE = {
    "1": {"label": 1, "frames": [0, 1], "daughters": [2, 3], "capped": True, "frame_div": 2, "parent": None},
    "2": {"label": 2, "frames": [2, 3, 4], "daughters": [], "capped": False, "frame_div": None, "parent": 1},
    "3": {"label": 3, "frames": [2, 3, 4], "daughters": [], "capped": False, "frame_div": None, "parent": 1},
    "4": {"label": 4, "frames": [0, 3], "daughters": [], "capped": True, "frame_div": None, "parent": None},
}
RAW = np.random.default_rng(0).random((5, 8, 9, 1)).astype(np.float32)


class TestDeepCellTracks(LayoutSuite):
    layout = DeepCellTracks()


def saved(path: Path, lineage: Any, raw: Any, tracked: Any, name: str = "lineage.json", mode: str = "w:gz") -> Path:
    """As deepcell-tracking saves: temporary files added to a gzipped tar, lineage first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for member, content in (
            (name, json.dumps(lineage, indent=4).encode()),
            ("raw.npy", raw),
            ("tracked.npy", tracked),
        ):
            if content is None:
                continue
            with tempfile.NamedTemporaryFile() as file:
                file.write(content) if isinstance(content, bytes) else np.save(file, content)
                file.flush()
                tar.add(file.name, member)
    return path


def read(path: Path) -> dict[str, Record]:
    scan = DeepCellTracks().scan(path)
    assert not scan.skipped, scan.skipped[0].reason
    return {entry.name: DeepCellTracks().read(entry) for entry in scan.entries}


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_movie_with_a_division_and_a_gap(mode: str, tmp_path: Path) -> None:
    saved(tmp_path / "a.trk", LINEAGE, RAW, TRACKED[..., None], mode=mode)
    record = read(tmp_path)["a"]
    assert isinstance(record.truth, LabelMovie)
    assert record.truth.lineage.tracks == (
        Track(1, 0, 1), Track(2, 2, 4, 1), Track(3, 2, 4, 1), Track(4, 0, 0), Track(5, 3, 3, 4)
    )  # fmt: skip
    assert len(record.truth.lineage.divisions) == 1
    np.testing.assert_array_equal(record.truth.data > 0, TRACKED > 0)
    np.testing.assert_array_equal(record.image.data, np.moveaxis(RAW, -1, 1))
    assert "lineage_faults" not in record.entry.metadata
    assert DeepCellTracks().guess(tmp_path)[0] > 0.9


def test_many_movies_in_one_file(tmp_path: Path) -> None:
    raws, tracked = np.stack([RAW, RAW + 1, RAW + 2]), np.stack([TRACKED, TRACKED * 0, TRACKED])[..., None]
    saved(tmp_path / "test.trks", [LINEAGE, {}, LINEAGE], raws, tracked, "lineages.json")
    scan = DeepCellTracks().scan(tmp_path)
    assert [(e.name, e.split) for e in scan.entries] == [(f"test_{n:04d}", "test") for n in range(3)]
    for place in (2, 0, 1):
        record = DeepCellTracks().read(scan.entries[place])
        np.testing.assert_array_equal(record.image.data, np.moveaxis(raws[place], -1, 1))
        assert isinstance(record.truth, LabelMovie)
        assert len(record.truth.lineage.tracks) == (0 if place == 1 else 5)


def test_masks_decide_and_what_was_set_right_is_counted(tmp_path: Path) -> None:
    said = {
        **LINEAGE,
        "2": {**LINEAGE["2"], "frames": [2, 3]},
        "9": {**LINEAGE["4"], "label": 9, "parent": 1},
    }
    del said["4"]
    saved(tmp_path / "a.trk", said, RAW, TRACKED)
    faults = read(tmp_path)["a"].entry.metadata["lineage_faults"]
    assert faults == {
        "cells_without_masks": 1, "masks_without_lineage": 1, "other_frames": 1, "links_to_absent_cells": 1
    }  # fmt: skip


def test_two_parents_are_refused(tmp_path: Path) -> None:
    said = {**LINEAGE, "4": {**LINEAGE["4"], "daughters": [2]}}
    saved(tmp_path / "a.trk", said, RAW, TRACKED)
    with pytest.raises(InvalidDocument, match=r"a\.trk.*two parents"):
        read(tmp_path)
    said = {**LINEAGE, "2": {**LINEAGE["2"], "daughters": [1]}, "1": {**LINEAGE["1"], "daughters": []}}
    saved(tmp_path / "a.trk", said, RAW, TRACKED)
    with pytest.raises(InvalidDocument, match="descends from itself"):
        read(tmp_path)


def huge(name: str, size: int, kind: bytes = b"0") -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.USTAR_FORMAT if kind == b"0" else tarfile.GNU_FORMAT)


def test_what_is_no_such_file_is_skipped_with_the_reason(tmp_path: Path) -> None:
    saved(tmp_path / "a.trk", LINEAGE, RAW, None)
    saved(tmp_path / "b.trk", LINEAGE, RAW, TRACKED[:, :4])
    saved(tmp_path / "c.trk", "none", RAW, TRACKED)
    saved(tmp_path / "d.trks", [LINEAGE, LINEAGE], RAW[None], TRACKED[None, ..., None])
    saved(tmp_path / "e.trk", LINEAGE, RAW, np.array([{}, 1], dtype=object))
    whole = saved(tmp_path / "f.trk", LINEAGE, RAW, TRACKED).read_bytes()
    contents = {
        "f": whole[: len(whole) // 2], "g": b"", "h": b"text", "i": b"\x1f\x8b no gzip", "j": b"\0" * 2048,
        "k": huge("raw.npy", 8**11 - 1), "l": huge("x", 8**11 - 1, b"L") + b"a" * 512,
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / f"{name}.trk").write_bytes(content)
    scan = DeepCellTracks().scan(tmp_path)
    assert [item.path.stem for item in scan.skipped] == list("abcdefghijkl")
    with pytest.raises(UnknownLayout):
        DeepCellTracks().scan(tmp_path / "nothing")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("seeds") / "a.trk"
    return {mode: saved(path, LINEAGE, RAW, TRACKED, mode=mode).read_bytes() for mode in ("w:gz", "w")}


@given(data=st.data())
@hypothesis_settings(max_examples=int(os.environ.get("CELLCOMMONS_FUZZ", "60")))
def test_mutated_files_are_read_or_refused(data: st.DataObject, seeds: dict[str, bytes], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.trk"
    changed = bytearray(seeds[data.draw(st.sampled_from(["w:gz", "w"]))])
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(changed[: data.draw(st.integers(len(changed) // 2, len(changed)))])
    try:
        for entry in DeepCellTracks().scan(path).entries:
            DeepCellTracks().read(entry)
    except CellCommonsError:
        pass  # any other error is what this looks for


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    movie = generate_movie(2, density="medium", frames=12, height=96, width=112)
    assert movie.truth.lineage.divisions
    image = ImageData(movie.image, "tcyx", movie.channels, movie.truth.pixel_size, seconds_per_frame=300.0)
    truth = replace(movie.truth, seconds_per_frame=300.0)
    folder = tmp_path_factory.mktemp("trk") / "out"
    write_layout(DeepCellTracks(), [Record(Entry("dish", (), "dish"), image, truth, Path("dish"))], folder)
    return folder


def test_the_tar_is_as_documented(written: Path) -> None:
    with tarfile.open(written / "dish.trk", "r:gz") as tar:
        assert set(tar.getnames()) >= {"lineage.json", "raw.npy", "tracked.npy"}
        lineage = json.load(tar.extractfile("lineage.json"))  # type: ignore[arg-type]
        raw = np.load(io.BytesIO(tar.extractfile("raw.npy").read()))  # type: ignore[union-attr]
        tracked = np.load(io.BytesIO(tar.extractfile("tracked.npy").read()))  # type: ignore[union-attr]
    assert raw.shape == tracked.shape == (12, 96, 112, 1)
    assert sorted(map(int, lineage)) == np.unique(tracked[tracked > 0]).tolist()
    for cell in lineage.values():
        assert cell["frames"] == np.flatnonzero((tracked == cell["label"]).any(axis=(1, 2, 3))).tolist()
        for child in cell["daughters"]:
            assert lineage[str(child)]["parent"] == cell["label"]
            assert lineage[str(child)]["frames"][0] == cell["frame_div"]


def test_deepcell_tracking_reads_it(written: Path) -> None:
    """Its licence is for research, and it is heavy: an environment of its own, CELLCOMMONS_DEEPCELL_PYTHON."""
    python = os.environ.get("CELLCOMMONS_DEEPCELL_PYTHON")
    if not python:
        pytest.skip("CELLCOMMONS_DEEPCELL_PYTHON names no Python that has the package deepcell-tracking")
    program = (
        "import json, sys\n"
        "from deepcell_tracking.trk_io import load_trks\n"
        "from deepcell_tracking.utils import is_valid_lineage\n"
        "d = load_trks(sys.argv[1])\n"
        "valid = is_valid_lineage(d['y'][..., 0], d['lineages'][0])\n"
        "print(json.dumps([d['X'].shape, d['y'].shape, len(d['lineages'][0]), valid]))\n"
    )
    done = subprocess.run([python, "-c", program, written / "dish.trk"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    raw, tracked, cells, valid = json.loads(done.stdout.splitlines()[-1])
    assert raw == tracked == [12, 96, 112, 1]
    assert cells > 3
    assert valid
