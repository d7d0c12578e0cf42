"""TissueNet's and DeepCell's .npz, as they are published, as we write them, and damaged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cellcommons.errors import CellCommonsError, UnknownLayout
from cellcommons.layouts.contract import Record
from cellcommons.layouts.deepcell import DeepCell
from cellcommons.layouts.writing import write_layout
from cellcommons.testing.layout_suite import LayoutSuite

RNG = np.random.default_rng(3)
X = RNG.random((5, 12, 10, 2)).astype(np.float32)
Y = RNG.integers(0, 4, (5, 12, 10, 2)).astype(np.int32)


class TestDeepCell(LayoutSuite):
    layout = DeepCell()


def read(path: Path) -> dict[str, Record]:
    scan = DeepCell().scan(path)
    assert not scan.skipped, scan.skipped[0].reason
    return {entry.name: DeepCell().read(entry) for entry in scan.entries}


def test_tissuenet_with_its_lists(tmp_path: Path) -> None:
    lists = {"tissue_list": np.array(["breast", "gi"] * 2 + ["skin"]), "platform_list": np.array(["codex"] * 5)}
    for split in ("train", "val", "test"):
        np.savez_compressed(tmp_path / f"tissuenet_v1.0_{split}.npz", X=X, y=Y, **lists)
    scan = DeepCell().scan(tmp_path)
    assert len(scan.entries) == 30
    found = read(tmp_path)
    for place in (4, 0, 2):
        cells, nuclei = (found[f"tissuenet_v1.0_val_{place:05d}{end}"] for end in ("", ".nuclei"))
        np.testing.assert_array_equal(cells.image.data, np.moveaxis(X[place], -1, 0))
        np.testing.assert_array_equal(cells.labels, Y[place, ..., 0])
        np.testing.assert_array_equal(nuclei.labels, Y[place, ..., 1])
        assert cells.image.channels == ("nuclear", "membrane")
        assert (cells.entry.split, cells.entry.stratum) == ("validation", "breast" if place != 4 else "skin")
        assert cells.entry.metadata["platform"] == "codex"
        assert cells.entry.source == nuclei.entry.source
        assert (cells.entry.metadata["compartment"], nuclei.entry.metadata["compartment"]) == ("whole cell", "nucleus")


@pytest.mark.parametrize("kind", [object, np.str_])
def test_a_table_with_a_header(kind: Any, tmp_path: Path) -> None:
    rows = [
        ["filename", "experiment", "pixel_size", "specimen"],
        *([f"f{n}.tif", f"e{n % 2}", "0.65", "hela"] for n in range(5)),
    ]
    np.savez(tmp_path / "data_test.npz", X=X[..., :1], y=Y[..., :1], meta=np.array(rows, dtype=kind))
    found = read(tmp_path)
    assert sorted(found) == [f"data_test_{n:05d}" for n in range(5)]
    record = found["data_test_00003"]
    assert (record.entry.source, record.entry.stratum, record.entry.split) == ("e1", "hela", "test")
    assert record.entry.metadata["source_known"]
    assert record.image.pixel_size.y == 0.65


def test_both_compartments_come_back_as_one_image(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", X=X, y=Y)
    scan = DeepCell().scan(tmp_path)
    write_layout(DeepCell(), (DeepCell().read(entry) for entry in scan.entries), tmp_path / "again")
    with np.load(tmp_path / "again" / "train.npz") as npz:
        np.testing.assert_array_equal(npz["X"], X)
        np.testing.assert_array_equal(npz["y"], Y)
        assert npz["y"].dtype == np.int32
    assert sorted(read(tmp_path / "again")) == [entry.name for entry in scan.entries]


def test_images_without_labels_and_of_other_shapes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=X)
    np.savez(tmp_path / "b.npz", X=X[..., 0], y=Y[..., 0])
    np.savez(tmp_path / "c.npz", X=X.astype(np.int64), y=Y[..., :1].astype(np.int64))
    assert DeepCell().guess(tmp_path)[0] == 0.5
    found = read(tmp_path)
    assert found["a_00001"].truth is None
    np.testing.assert_array_equal(found["b_00002"].labels, Y[2, ..., 0])
    assert found["c_00000"].image.data.dtype == np.uint32


def test_what_is_no_such_file_is_skipped_with_the_reason(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", Z=X)
    assert DeepCell().guess(tmp_path)[0] == 0.1
    np.savez(tmp_path / "b.npz", X=X[None], y=Y[None])
    np.savez(tmp_path / "c.npz", X=X, y=Y[:, :4])
    np.savez(tmp_path / "d.npz", X=np.array([{}]), y=Y)
    np.savez(tmp_path / "e.npz", X=np.asfortranarray(X), y=Y)
    np.savez(tmp_path / "j.npz", X=np.zeros((10**9, 0, 0, 1)), y=np.zeros((10**9, 0, 0, 1), int))
    np.savez_compressed(tmp_path / "k.npz", X=np.zeros((2 * 10**6, 1, 1, 1), np.uint8))
    whole = (tmp_path / "a.npz").read_bytes()
    for name, content in (("f", b""), ("g", b"PK\x03\x04"), ("h", whole[: len(whole) // 2]), ("i", b"text")):
        (tmp_path / f"{name}.npz").write_bytes(content)
    scan = DeepCell().scan(tmp_path)
    assert [item.path.stem for item in scan.skipped] == list("abcdefghijk")
    assert not scan.entries
    with pytest.raises(UnknownLayout):
        DeepCell().scan(tmp_path / "a")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("seeds") / "a.npz"
    found = {}
    for name, save in (("stored", np.savez), ("packed", np.savez_compressed)):
        save(path, X=X[:2], y=Y[:2], tissue_list=np.array(["a", "b"]))
        found[name] = path.read_bytes()
    return found


@given(data=st.data())
@hypothesis_settings(max_examples=int(os.environ.get("CELLCOMMONS_FUZZ", "60")))
def test_mutated_files_are_read_or_refused(data: st.DataObject, seeds: dict[str, bytes], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.npz"
    changed = bytearray(seeds[data.draw(st.sampled_from(["stored", "packed"]))])
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(changed[: data.draw(st.integers(len(changed) // 2, len(changed)))])
    try:
        for entry in DeepCell().scan(path).entries:
            DeepCell().read(entry)
    except CellCommonsError:
        pass  # any other error is what this looks for
