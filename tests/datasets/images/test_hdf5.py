"""HDF5 in: axes told by the file or by the caller, nothing read that lies outside the file."""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, MissingExtra, NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images import packing
from cellcommons.images.limits import Limits
from cellcommons.images.readers import list_images, open_image, read_image

ELEMENT = {"element_size_um": [0.5, 0.2, 0.1]}


def random(shape: tuple[int, ...], dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def h5(path: Path, arrays: dict[str, tuple[np.ndarray, dict[str, Any]]], **options: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, (array, attributes) in arrays.items():
            file.create_dataset(name, data=array, **options).attrs.update(attributes)
    return path


def test_element_sizes_tell_the_axes(tmp_path: Path) -> None:
    raw, label = random((4, 20, 18)), random((4, 20, 18), "uint32")
    path = h5(tmp_path / "a.h5", {"label": (label, ELEMENT), "raw": (raw, ELEMENT), "flat": (raw[0, 1:], ELEMENT)})
    assert [(n, f.axes) for n, f in list_images(path)] == [("flat", "cyx"), ("raw", "czyx"), ("label", "czyx")]
    image = read_image(path, series="raw")
    assert np.array_equal(image.data[0], raw)
    assert image.pixel_size == PixelSize(y=0.2, x=0.1, z=0.5)
    assert read_image(path, series="label").data.dtype == np.uint32
    with pytest.raises(NotFound, match="'raw'"):
        read_image(path, series="nothing")


def test_one_by_one_by_one_is_no_measurement(tmp_path: Path) -> None:
    path = h5(tmp_path / "a.h5", {"raw": (random((4, 20, 18)), {"element_size_um": [1.0, 1.0, 1.0]})})
    image = read_image(path)
    assert (image.axes, image.pixel_size) == ("czyx", PixelSize())
    assert "pixel_size_ignored" in image.metadata


def test_two_channels_of_a_flat_image_do_not_pass_for_depth(tmp_path: Path) -> None:
    """PlantSeg writes three element sizes for (channels, rows, columns) too."""
    raw = random((2, 20, 18))
    path = h5(tmp_path / "a.h5", {"raw": (raw, ELEMENT), "label": (raw[0], ELEMENT)})
    with pytest.raises(WrongFormat, match="raw of 2x20x18") as caught:
        list_images(path)
    assert "axes=" in caught.value.remedy
    found = dict(list_images(path, axes="cyx"))
    assert (found["raw"].axes, found["label"].axes) == ("cyx", "cyx")
    assert found["raw"].channels == ("channel 1", "channel 2")


@pytest.mark.parametrize("keys", ["zyxc", "tzyxc", "yx", "xyz", "cyx"])
def test_axistags_of_ilastik(tmp_path: Path, keys: str) -> None:
    sizes = {"t": 2, "z": 3, "y": 20, "x": 18, "c": 4}
    array = random(tuple(sizes[k] for k in keys))
    tags = {"axes": [{"key": k, "typeFlags": 2, "resolution": 0, "description": ""} for k in keys]}
    path = h5(tmp_path / "a.h5", {"exported_data": (array, {"axistags": json.dumps(tags)})})
    image = read_image(path)
    order = "".join(k for k in "tczyx" if k in keys)
    assert image.axes == "".join(k for k in "tczyx" if k in keys or k == "c")
    assert np.array_equal(image.data.squeeze(), np.einsum(f"{keys}->{order}", array))


def test_dimension_labels_of_hdf5(tmp_path: Path) -> None:
    path = h5(tmp_path / "a.h5", {"a/b": (random((3, 20, 18, 2)), {})})
    with h5py.File(path, "a") as file:
        for number, label in enumerate(("time", "y", "x", "channel")):
            file["a/b"].dims[number].label = label
    ((name, facts),) = list_images(path)
    assert (name, facts.axes, facts.data.shape) == ("a/b", "tcyx", (3, 2, 20, 18))


def test_samples_are_colours(tmp_path: Path) -> None:
    array = random((20, 18, 3), "uint8")
    image = read_image(h5(tmp_path / "a.h5", {"picture": (array, {})}), axes="yxs")
    assert (image.rgb, image.channels) == (True, ("red", "green", "blue"))
    assert np.array_equal(image.data, np.moveaxis(array, -1, 0))


def test_untold_axes_are_refused_or_said(tmp_path: Path) -> None:
    path = h5(tmp_path / "a.h5", {"a": (random((4, 20, 18)), {}), "b": (random((2, 4, 20, 18)), {})})
    with pytest.raises(WrongFormat, match="a of 4x20x18, /b of 2x4x20x18"):
        open_image(path)
    assert [(n, f.axes) for n, f in list_images(path, axes="zyx")] == [("a", "czyx")]
    assert list_images(path, axes="zyx")[0][1].metadata["arrays_left_out"] == ["/b of 2x4x20x18"]
    assert [f.axes for _, f in list_images(path, axes="zyx,czyx")] == ["czyx", "czyx"]
    with pytest.raises(WrongFormat, match="axes"):
        open_image(path, axes="zzx")


def test_regions_decode_only_their_chunks(tmp_path: Path) -> None:
    array = random((4, 40, 40))
    path = h5(tmp_path / "a.h5", {"raw": (array, ELEMENT)}, chunks=(1, 10, 10), compression="gzip")
    with open_image(path) as file:
        (image,) = file.images
        assert image.chunk == (1, 1, 10, 10)
        part = image.region((slice(0, 1), slice(2, 3), slice(3, 33), slice(7, 8)))
        assert np.array_equal(part[0], array[2:3, 3:33, 7:8])
    with pytest.raises(UnreadableFile):
        image.region((slice(0, 1), slice(0, 1), slice(0, 1), slice(0, 1)))


# Bad input


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = h5(tmp_path / "a.h5", {"raw": (random((4, 20, 18)), ELEMENT)})
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtra, match="HDF5") as caught:
        open_image(path)
    assert 'pip install "cellcommons[hdf5]"' in caught.value.remedy


def test_links_and_pixels_outside_the_file_are_not_followed(tmp_path: Path) -> None:
    other = h5(tmp_path / "other.h5", {"secret": (random((4, 20, 18)), ELEMENT)})
    path = h5(tmp_path / "a.h5", {"raw": (random((4, 20, 18)), ELEMENT)})
    with h5py.File(path, "a") as file:
        file["external"] = h5py.ExternalLink(other.name, "/secret")
        file["soft"] = h5py.SoftLink("/external")
        file["again"] = file["raw"]
        file["group/circle"] = file["/"]
    assert [n for n, _ in list_images(path)] == ["again"]
    (tmp_path / "pixels").write_bytes(bytes(2880))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        made = file.create_dataset("raw", (4, 20, 18), "uint16", external=[(str(tmp_path / "pixels"), 0, 2880)])
        made.attrs.update(ELEMENT)
    with pytest.raises(WrongFormat, match="other files"):
        read_image(tmp_path / "b.h5")
    layout = h5py.VirtualLayout((4, 20, 18), "uint16")
    layout[:] = h5py.VirtualSource(str(other), "secret", (4, 20, 18))
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_virtual_dataset("raw", layout).attrs.update(ELEMENT)
    with pytest.raises(WrongFormat, match="other files"):
        read_image(tmp_path / "c.h5")


def test_absurd_declarations(tmp_path: Path) -> None:
    def declared(shape: tuple[int, ...], chunks: tuple[int, ...]) -> Path:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("raw", shape, "uint16", chunks=chunks).attrs.update(ELEMENT)
        return tmp_path / "a.h5"

    with pytest.raises(TooLarge, match="60,000 x 60,000"):
        open_image(declared((1_000_000, 60_000, 60_000), (1, 64, 64)))
    with pytest.raises(TooLarge, match="planes"):
        open_image(declared((1_000_000, 60, 60), (1, 60, 60)))
    with pytest.raises(TooLarge, match="chunk"):
        open_image(declared((100, 10_000, 10_000), (10, 10_000, 10_000)), limits=Limits(max_decoded_bytes=1 << 30))
    with pytest.raises(TooLarge, match="bytes of pixels"):
        read_image(declared((100, 10_000, 10_000), (1, 64, 64)))


@pytest.mark.parametrize("short", [0, 1 << 20])
def test_deflate_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: int) -> None:
    monkeypatch.setattr(packing, "SHORT", short)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        made = file.create_dataset("raw", (1, 64, 64), "uint16", chunks=(1, 64, 64), compression="gzip")
        made.attrs.update(ELEMENT)
        made.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes((64 if short else 8) << 20), 9))
    with pytest.raises(UnreadableFile, match="unpacks to more"):
        read_image(path)


def test_empty_and_senseless_files(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["nothing"] = 1
    with pytest.raises(UnreadableFile, match="no array"):
        open_image(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(UnreadableFile, match="HDF5"):
        open_image(tmp_path / "b.h5")
    (tmp_path / "b.h5").write_bytes(b"not HDF5")
    with pytest.raises(WrongFormat, match="looks like text"):
        open_image(tmp_path / "b.h5")


def test_truncated_everywhere(tmp_path: Path) -> None:
    path = h5(tmp_path / "a.h5", {"raw": (random((4, 40, 40)), ELEMENT)}, chunks=(1, 40, 40), compression="gzip")
    whole = path.read_bytes()
    for end in range(1, len(whole), max(1, len(whole) // 150)):
        path.write_bytes(whole[:end])
        with pytest.raises(CellCommonsError):
            read_image(path)


def test_damaged_everywhere(tmp_path: Path) -> None:
    """Any byte of the structure overwritten: the image, or a refusal, never another exception."""
    path = h5(
        tmp_path / "a.h5", {"raw": (random((2, 10, 10), "uint8"), ELEMENT)}, chunks=(1, 10, 10), compression="gzip"
    )
    whole = path.read_bytes()
    refused = 0
    for at in range(8, len(whole), 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            read_image(path)
        except CellCommonsError:
            refused += 1
    assert refused > 10


REAL = [
    ("sample_ovule.h5", "", "uint8", (1, 32, 128, 128), "uint16", (1, 32, 128, 128), 0.15),
    ("data/train/1135_mini.h5", "", "uint8", (1, 100, 100, 100), "uint8", (1, 100, 100, 100), 0.12678),
    ("training_sources/train_2D_2D.h5", "", "uint16", (1, 128, 128), "uint16", (1, 128, 128), 0.15),
    ("training_sources/train_2Dc_2D.h5", "cyx", "uint16", (2, 128, 128), "uint16", (1, 128, 128), 0.15),
    ("training_sources/train_3D_3D.h5", "zyx", "uint16", (1, 75, 75, 75), "uint16", (1, 75, 75, 75), None),
    ("training_sources/train_3Dc_3D.h5", "czyx", "uint16", (2, 75, 75, 75), "uint16", (1, 75, 75, 75), None),
]


@pytest.mark.real_data
@pytest.mark.parametrize(("file", "axes", "raw_dtype", "raw", "label_dtype", "label", "micrometres"), REAL)
def test_real_files(
    real_data: Path,
    file: str,
    axes: str,
    raw_dtype: str,
    raw: tuple[int, ...],
    label_dtype: str,
    label: tuple[int, ...],
    micrometres: float | None,
) -> None:
    path = real_data / "seg_plantseg_h5" / file
    found = list_images(path, axes=axes)
    assert [(n, f.data.dtype, f.data.shape) for n, f in found] == [
        ("raw", raw_dtype, raw),
        ("label", label_dtype, label),
    ]
    with h5py.File(path) as peer:
        for name, facts in found:
            image = read_image(path, series=name, axes=axes)
            assert np.array_equal(image.data.squeeze(), peer[name][...])
            assert facts.pixel_size.x == (None if micrometres is None else pytest.approx(micrometres, rel=1e-3))
    if axes:
        with pytest.raises(WrongFormat, match="does not say"):
            open_image(path)
