"""HDF5 of raw pixels and labels: PlantSeg's files, ilastik's names, and what is no such file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, MismatchedShapes, UnknownLayout, WrongFormat
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.hdf5_volumes import Hdf5
from cellcommons.testing.layout_suite import LayoutSuite


class TestHdf5(LayoutSuite):
    layout = Hdf5()


def saved(path: Path, **arrays: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name.replace("__", "/"), data=array, compression="gzip")
    return path


def read(path: Path) -> dict[str, Record]:
    scan = Hdf5().scan(path)
    assert not scan.skipped, scan.skipped[0].reason
    return {entry.name: Hdf5().read(entry) for entry in scan.entries}


LABELS = np.arange(60, dtype=np.uint16).reshape(3, 5, 4) // 10


@pytest.mark.parametrize(
    ("raw", "label", "axes", "truths"),
    [
        ((5, 4), (5, 4), "cyx", {"a": "yx"}),
        ((3, 5, 4), (3, 5, 4), "czyx", {"a": "zyx"}),
        ((2, 5, 4), (5, 4), "cyx", {"a": "yx"}),
        ((2, 3, 5, 4), (3, 5, 4), "czyx", {"a": "zyx"}),
        ((3, 5, 4), (2, 3, 5, 4), "czyx", {"a": "zyx", "a.label2": "zyx"}),
        ((2, 3, 5, 4), (2, 3, 5, 4), "czyx", {"a": "zyx", "a.label2": "zyx"}),
    ],
)
def test_files_that_name_no_axes(
    raw: tuple[int, ...], label: tuple[int, ...], axes: str, truths: dict[str, str], tmp_path: Path
) -> None:
    labels = np.arange(np.prod(label), dtype=np.uint16).reshape(label)
    saved(tmp_path / "val" / "a.h5", raw=np.ones(raw, np.uint8), label=labels)
    found = read(tmp_path)
    assert sorted(found) == sorted(truths)
    for place, (name, kind) in enumerate(truths.items()):
        record = found[name]
        assert record.image.axes == axes
        assert isinstance(record.truth, LabelMap)
        assert record.truth.axes == kind
        np.testing.assert_array_equal(record.truth.data, labels[place] if len(truths) > 1 else labels)
        assert (record.entry.source, record.entry.split) == ("a", "validation")


def test_other_names_and_groups(tmp_path: Path) -> None:
    saved(tmp_path / "a.h5", exported_data=np.ones((3, 5, 4), np.float32), segmentation=LABELS)
    saved(tmp_path / "b.hdf5", volumes__raw=np.ones((3, 5, 4), np.uint8), volumes__labels__neuron_ids=LABELS)
    saved(tmp_path / "c.h5", something=np.ones((3, 5, 4), np.uint8), mask=LABELS)
    saved(tmp_path / "d.h5", raw=np.ones((3, 5, 4), np.uint8))
    found = read(tmp_path)
    assert found["d"].truth is None
    for name in "abc":
        np.testing.assert_array_equal(found[name].truth.data, LABELS)  # type: ignore[union-attr]


def test_minus_one_means_that_nobody_looked(tmp_path: Path) -> None:
    labels = LABELS.astype(np.int64) - 1
    saved(tmp_path / "a.h5", raw=np.ones((3, 5, 4), np.uint8), label=labels)
    truth = read(tmp_path)["a"].truth
    assert isinstance(truth, LabelMap)
    assert truth.annotated is not None
    np.testing.assert_array_equal(truth.annotated, labels >= 0)


@pytest.mark.parametrize(
    ("label", "kind"),
    [(LABELS[:2], MismatchedShapes), (LABELS[..., :3], MismatchedShapes), (LABELS + 0.5, WrongFormat)],
)
def test_labels_that_do_not_fit_are_refused(label: Any, kind: type[Exception], tmp_path: Path) -> None:
    saved(tmp_path / "a.h5", raw=np.ones((3, 5, 4), np.uint8), label=label)
    with pytest.raises(kind, match=r"a\.h5/label"):
        read(tmp_path)


def test_what_is_no_such_file_is_skipped_with_the_reason(tmp_path: Path) -> None:
    saved(tmp_path / "a.h5", one=np.ones((5, 4)), two=np.ones((5, 4)), three=np.ones((5, 4)))
    whole = saved(tmp_path / "b.h5", raw=np.ones((3, 50, 40)), label=np.ones((3, 50, 40), int)).read_bytes()
    (tmp_path / "b.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "c.h5").write_bytes(b"")
    (tmp_path / "d.h5").write_bytes(b"no HDF5")
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file["raw"] = h5py.ExternalLink("/etc/hostname", "/raw")
        file["label"] = h5py.SoftLink("/raw")
    assert Hdf5().guess(tmp_path)[0] == 0.1
    skipped = Hdf5().scan(tmp_path).skipped
    assert [item.path.name for item in skipped] == ["a.h5", "b.h5", "c.h5", "d.h5", "e.h5"]
    assert "raw and label" in skipped[0].reason
    (tmp_path / "none").mkdir()
    with pytest.raises(UnknownLayout):
        Hdf5().scan(tmp_path / "none")


def test_plantseg_reads_its_size_of_elements(tmp_path: Path) -> None:
    size = PixelSize(0.15, 0.16, 0.235)
    image = ImageData(np.ones((1, 3, 5, 4), np.uint16), "czyx", ("intensity",), size)
    Hdf5().write(
        [Record(Entry("a", (), "a"), image, LabelMap(LABELS.astype(np.uint32), size, "zyx"), tmp_path)], tmp_path
    )
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["raw"].shape == file["label"].shape == (3, 5, 4)
        assert file["label"].dtype == np.uint16
        assert file["raw"].attrs["element_size_um"].tolist() == [0.235, 0.15, 0.16]
        assert [axis.label for axis in file["raw"].dims] == ["z", "y", "x"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    region = np.zeros((3, 5, 4), bool)
    return saved(
        folder / "a.h5", raw=np.ones((3, 5, 4), np.uint8), label=LABELS, cellcommons__annotated=region
    ).read_bytes()


@given(data=st.data())
@hypothesis_settings(max_examples=int(os.environ.get("CELLCOMMONS_FUZZ", "40")))
def test_mutated_files_are_read_or_refused(data: st.DataObject, whole: bytes, tmp_path_factory: Any) -> None:
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "mutated.h5"
    path.write_bytes(changed[: data.draw(st.integers(len(changed) // 2, len(changed)))])
    try:
        for entry in Hdf5().scan(path).entries:
            Hdf5().read(entry)
    except CellCommonsError:
        pass  # any other error is what this looks for


@pytest.mark.real_data
def test_the_files_of_plantseg(real_data: Path) -> None:
    found = read(real_data / "seg_plantseg_h5")
    assert len({record.original for record in found.values()}) == 10
    cells = {name: (record.truth.axes, len(record.truth.ids), record.image.axes) for name, record in found.items()}  # type: ignore[union-attr]
    assert cells["sample_ovule"][0] == "zyx"
    assert {name for name, (_, _, axes) in cells.items() if axes == "cyx"} == {"train_2D_2D", "train_2Dc_2D"}
    assert {name for name in found if name.endswith(".label2")} == {"train_3D_3Dc.label2", "train_3Dc_3Dc.label2"}
    assert found["train_2Dc_2D"].image.size("c") == 2
    assert found["1137_mini"].entry.split == "validation"
    assert found["1135_mini"].image.pixel_size.z == pytest.approx(0.28371837)
    for record in found.values():
        with h5py.File(record.original) as file:
            stored = file["label"][...]
        channel = stored[int(record.entry.part)] if record.entry.part else stored
        np.testing.assert_array_equal(record.truth.data, channel)  # type: ignore[union-attr]
