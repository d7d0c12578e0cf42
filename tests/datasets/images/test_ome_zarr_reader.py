"""OME-Zarr of every version, order and structure in; links, bombs and damage refused."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import google_crc32c
import numcodecs
import numpy as np
import pytest
import zarr
import zarr.codecs

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, UnsafeArchive, WrongFormat
from cellcommons.images import packing
from cellcommons.images.data import ImageData, PlatePosition
from cellcommons.images.limits import Limits
from cellcommons.images.ome_zarr import write_image
from cellcommons.images.readers import is_image, list_images, open_image, read_image
from cellcommons.store import FolderStore
from cellcommons.tree import load_tree

TYPES = {"t": "time", "c": "channel"}
UNITS = {"t": "millisecond", "z": "nanometer", "y": "micrometer", "x": "micrometer"}
SCALE = {"t": 1500.0, "c": 1.0, "z": 250.0, "y": 0.5, "x": 0.25}


def random(shape: tuple[int, ...], dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def multiscales(axes: str, *, units: bool = True) -> list[dict[str, Any]]:
    named = [
        {"name": a, "type": TYPES.get(a, "space"), **({"unit": UNITS[a]} if a in UNITS and units else {})} for a in axes
    ]
    transforms = [{"type": "scale", "scale": [SCALE[a] for a in axes]}]
    return [{"axes": named, "datasets": [{"path": "0", "coordinateTransformations": transforms}]}]


def write_group(folder: Path, attributes: dict[str, Any], version: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if version == 2:
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps(attributes))
    else:
        document = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", **attributes}}}
        (folder / "zarr.json").write_text(json.dumps(document))


def write_array(folder: Path, array: np.ndarray, version: int, **options: Any) -> None:
    chunks = options.pop("chunks", tuple(min(16, n) for n in array.shape))
    made = zarr.create_array(
        str(folder), shape=array.shape, dtype=array.dtype, chunks=chunks, zarr_format=version, **options
    )
    made[...] = array


def ome_zarr(folder: Path, array: np.ndarray, axes: str, version: int = 3, **options: Any) -> Path:
    extra = options.pop("extra", {})
    units = options.pop("units", True)
    write_group(folder, {"multiscales": multiscales(axes, units=units), **extra}, version)
    write_array(folder / "0", array, version, **options)
    return folder


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("axes", ["yx", "zyx", "cyx", "tyx", "tzyx", "czyx", "tcyx", "tczyx", "zcyx", "yxc"])
def test_orders_sizes_and_intervals(tmp_path: Path, axes: str, version: int) -> None:
    sizes = {"t": 2, "c": 3, "z": 4, "y": 20, "x": 18}
    array = random(tuple(sizes[a] for a in axes))
    image = read_image(ome_zarr(tmp_path / "a.zarr", array, axes, version))
    assert image.axes == "".join(a for a in "tczyx" if a in axes or a == "c")
    for at in np.ndindex(image.data.shape):
        stored = dict(zip(image.axes, at, strict=True))
        if sum(at) % 97 == 0:
            assert image.data[at] == array[tuple(stored[a] for a in axes)]
    assert image.pixel_size == PixelSize(y=0.5, x=0.25, z=0.25 if "z" in axes else None)
    assert image.seconds_per_frame == (1.5 if "t" in axes else None)


def test_regions_decode_only_their_chunks(tmp_path: Path) -> None:
    array = random((3, 40, 40))
    folder = ome_zarr(tmp_path / "a.zarr", array, "zyx", 2, chunks=(1, 10, 10))
    for chunk in folder.glob("0/1.*"):
        chunk.write_bytes(b"damaged")
    with open_image(folder) as file:
        (image,) = file.images
        assert image.chunk == (1, 1, 10, 10)
        assert np.array_equal(
            image.region((slice(0, 1), slice(2, 3), slice(3, 33), slice(7, 8)))[0], array[2:3, 3:33, 7:8]
        )
        with pytest.raises(UnreadableFile, match=r"damaged|unpacks"):
            image.region((slice(0, 1), slice(0, 2), slice(0, 5), slice(0, 5)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64", ">u2"])
@pytest.mark.parametrize("version", [2, 3])
def test_kinds_of_pixel(tmp_path: Path, dtype: str, version: int) -> None:
    array = random((20, 18), "uint8").astype(dtype)
    image = read_image(ome_zarr(tmp_path / "a.zarr", array, "yx", version))
    assert image.data.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(image.data[0], array)


def test_a_scale_without_unit_is_no_size(tmp_path: Path) -> None:
    image = read_image(ome_zarr(tmp_path / "a.zarr", random((20, 18)), "yx", units=False))
    assert not image.pixel_size.known
    assert image.metadata["scale_without_unit"] == {"y": 0.5, "x": 0.25}


def test_channels_colours_and_labels(tmp_path: Path) -> None:
    omero = {"channels": [{"label": "DAPI", "color": "0000ff"}, {"label": "", "color": "00FF00"}]}
    folder = ome_zarr(tmp_path / "a.zarr", random((2, 20, 18)), "cyx", extra={"omero": omero})
    write_group(folder / "labels", {"labels": ["cells"]}, 3)
    ome_zarr(folder / "labels" / "cells", random((20, 18), "uint32"), "yx")
    image = read_image(folder)
    assert image.channels == ("DAPI", "channel 2")
    assert image.metadata["channel_colours"] == ["0000FF", "00FF00"]
    assert image.metadata["labels"] == ["cells"]
    assert read_image(folder / "labels" / "cells").data.dtype == np.uint32
    omero["channels"].pop()
    folder = ome_zarr(tmp_path / "b.zarr", random((2, 20, 18)), "cyx", extra={"omero": omero})
    assert read_image(folder).channels == ("channel 1", "channel 2")
    assert "omero_ignored" in read_image(folder).metadata


def test_what_we_seal_reads_back(tmp_path: Path) -> None:
    source = ImageData(
        random((3, 300, 280), "uint8"),
        "cyx",
        ("red", "green", "blue"),
        PixelSize(0.5, 0.5),
        rgb=True,
        metadata={"a": 1},
    )
    store = FolderStore(tmp_path / "objects")
    tree = load_tree(store, write_image(store, source).digest)
    for entry in tree.entries:
        (tmp_path / "a.zarr" / entry.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a.zarr" / entry.path).write_bytes(store.get(entry.sha256))
    image = read_image(tmp_path / "a.zarr")
    assert np.array_equal(image.data, source.data)
    assert (image.channels, image.rgb, image.pixel_size) == (source.channels, True, source.pixel_size)
    assert image.metadata["a"] == 1
    assert image.metadata["pyramid_levels"] == 2


@pytest.mark.parametrize("version", [2, 3])
def test_bioformats2raw_collections(tmp_path: Path, version: int) -> None:
    write_group(tmp_path / "a.zarr", {"bioformats2raw.layout": 3}, version)
    for number in range(3):
        ome_zarr(tmp_path / "a.zarr" / str(number), random((20, 18 + number)), "yx", version)
    assert [(n, f.shape_yx) for n, f in list_images(tmp_path / "a.zarr")] == [
        ("0", (20, 18)),
        ("1", (20, 19)),
        ("2", (20, 20)),
    ]
    write_group(tmp_path / "a.zarr" / "OME", {"series": ["2", "0"]}, version)
    assert [n for n, _ in list_images(tmp_path / "a.zarr")] == ["2", "0"]
    assert read_image(tmp_path / "a.zarr", series="2").shape_yx == (20, 20)


def plate(folder: Path, version: int) -> Path:
    wells = [{"path": "B/07", "rowIndex": 1, "columnIndex": 6}, {"path": "AA/12", "rowIndex": 26, "columnIndex": 11}]
    write_group(folder, {"plate": {"name": "P1", "wells": wells, "rows": [], "columns": []}}, version)
    for well in wells:
        fields = [{"path": "0", "acquisition": 5}, {"path": "1"}]
        write_group(folder / well["path"], {"well": {"images": fields}}, version)
        for field in fields:
            ome_zarr(folder / well["path"] / field["path"], random((20, 18)), "yx", version)
    return folder


@pytest.mark.parametrize("version", [2, 3])
def test_plates(tmp_path: Path, version: int) -> None:
    found = list_images(plate(tmp_path / "p.zarr", version))
    assert [n for n, _ in found] == ["B/07/0", "B/07/1", "AA/12/0", "AA/12/1"]
    assert found[1][1].position == PlatePosition("B", 7, 2, "P1")
    assert found[2][1].position == PlatePosition("AA", 12, 1, "P1")
    assert found[0][1].metadata["acquisition"] == 5
    assert read_image(tmp_path / "p.zarr", series="AA/12/1").data.any()
    assert [n for n, _ in list_images(tmp_path / "p.zarr" / "B" / "07")] == ["0", "1"]


def test_old_versions(tmp_path: Path) -> None:
    """0.1 and 0.2 have no axes: always t, c, z, y, x. 0.3 names them only."""
    folder = ome_zarr(tmp_path / "a.zarr", random((1, 2, 3, 20, 18)), "tczyx", 2)
    for axes in (None, ["t", "c", "z", "y", "x"]):
        entry = {"version": "0.2", "datasets": [{"path": "0"}], **({"axes": axes} if axes else {})}
        write_group(folder, {"multiscales": [entry]}, 2)
        image = read_image(folder)
        assert (image.axes, image.data.shape, image.pixel_size) == ("tczyx", (1, 2, 3, 20, 18), PixelSize())


def test_chunks_that_are_not_there_are_counted(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", random((40, 40)), "yx", 2, chunks=(10, 10))
    os.remove(folder / "0" / "1.2")
    image = read_image(folder)
    assert image.metadata["absent_chunks"] == 1
    assert not image.data[0, 10:20, 20:30].any()
    assert "absent_chunks" not in read_image(ome_zarr(tmp_path / "b.zarr", random((40, 40)), "yx")).metadata


def test_is_image(tmp_path: Path) -> None:
    assert is_image(ome_zarr(tmp_path / "a.zarr", random((20, 18)), "yx"))
    write_group(tmp_path / "graph.zarr", {"geff": {}}, 2)
    assert not is_image(tmp_path / "graph.zarr")
    assert not is_image(tmp_path)


# Bad input


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(json.dumps({"multiscales": multiscales("yx")}))
    folder = ome_zarr(tmp_path / "a.zarr", random((20, 18)), "yx", 2, chunks=(20, 18))
    chunk = folder / "0" / "0.0"
    shutil.move(chunk, tmp_path / "chunk")
    chunk.symlink_to(tmp_path / "chunk")
    with pytest.raises(UnsafeArchive, match=r"leads out"):
        read_image(folder)
    os.remove(chunk)
    shutil.move(tmp_path / "chunk", folder / "0" / "kept")
    chunk.symlink_to("kept")
    assert read_image(folder).data.any()
    os.remove(folder / ".zattrs")
    (folder / ".zattrs").symlink_to(secret)
    with pytest.raises(UnsafeArchive, match=r"\.zattrs"):
        read_image(folder)
    assert not is_image(folder)


@pytest.mark.parametrize("path", ["../b.zarr/0", "/etc", "0/../../b.zarr/0"])
def test_metadata_that_points_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    ome_zarr(tmp_path / "b.zarr", random((20, 18)), "yx", 2)
    entry = multiscales("yx")
    entry[0]["datasets"][0]["path"] = path
    write_group(tmp_path / "a.zarr", {"multiscales": entry}, 2)
    with pytest.raises(CellCommonsError):
        read_image(tmp_path / "a.zarr")
    write_group(tmp_path / "a.zarr", {"plate": {"wells": [{"path": path}]}}, 2)
    with pytest.raises(UnreadableFile, match="names an image at"):
        read_image(tmp_path / "a.zarr")


def test_a_pipe_in_the_folder_is_not_waited_for(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", random((20, 18)), "yx", 2, chunks=(20, 18))
    os.remove(folder / "0" / "0.0")
    os.mkfifo(folder / "0" / "0.0")
    with pytest.raises(UnsafeArchive, match="plain file"):
        read_image(folder)


def declare(folder: Path, **changes: Any) -> Path:
    """Change what an array of zarr 2 declares."""
    document = json.loads((folder / "0" / ".zarray").read_text())
    (folder / "0" / ".zarray").write_text(json.dumps(document | changes))
    return folder


def test_absurd_declarations(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", random((2, 20, 18)), "zyx", 2)
    with pytest.raises(TooLarge, match="60,000 x 60,000"):
        open_image(declare(folder, shape=[1_000_000, 60_000, 60_000]))
    with pytest.raises(TooLarge, match="planes"):
        open_image(declare(folder, shape=[1_000_000, 60, 60]))
    with pytest.raises(TooLarge, match="chunk"):
        open_image(declare(folder, shape=[2, 20, 18], chunks=[1, 300_000, 180_000]))
    with pytest.raises(TooLarge, match="bytes of pixels"):
        read_image(declare(folder, shape=[100, 10_000, 10_000], chunks=[1, 100, 100]))
    with open_image(folder) as file:  # more than fits is read by region all the same
        assert file.images[0].nbytes == 2 * 100 * 10_000 * 10_000
        assert not file.images[0].region((slice(0, 1), slice(50, 51), slice(0, 10), slice(0, 10))).any()
    for shape in ([], [-1, 20, 18], [0, 20, 18], "x", [2, 20], [2.5, 20, 18], [2, 20, 18, 4]):
        with pytest.raises(UnreadableFile):
            open_image(declare(folder, shape=shape, chunks=[1, 10, 10]))


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "|O", "filters": [{"id": "pickle"}]},
        {"filters": [{"id": "pickle"}]},
        {"compressor": {"id": "pickle"}},
        {"compressor": {"id": "json2"}},
        {"dtype": [["a", "<u2"]]},
        {"dtype": "<c16"},
        {"dtype": "<M8[ns]"},
    ],
)
def test_codecs_and_types_that_could_run_code_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", random((20, 18)), "yx", 2)
    with pytest.raises(WrongFormat, match=r"not (read|supported)"):
        open_image(declare(folder, **changes))


COMPRESSORS = {
    "gzip": ({"id": "gzip", "level": 5}, zarr.codecs.GzipCodec()),
    "zstd": ({"id": "zstd", "level": 1}, zarr.codecs.ZstdCodec()),
    "blosc": ({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1}, zarr.codecs.BloscCodec()),
    "bz2": ({"id": "bz2", "level": 5}, None),
    "lzma": ({"id": "lzma"}, None),
    "zlib": ({"id": "zlib", "level": 5}, None),
    "lz4": ({"id": "lz4"}, None),
}


@pytest.mark.parametrize(
    ("codec", "version"),
    [(c, v) for c, (old, new) in COMPRESSORS.items() for v in (2, 3, "shards") if (old if v == 2 else new)],
)
def test_compressors_and_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, version: int | str) -> None:
    """Chunks of a larger array, put where smaller ones are declared, are refused before they are unpacked."""
    compressors = COMPRESSORS[codec][0 if version == 2 else 1]
    if version == 2:
        compressors = numcodecs.get_codec(compressors)
    options: dict[str, Any] = {"compressors": compressors, "chunks": (64, 64)}
    if version == "shards":
        options["shards"] = (128, 128)
    number = 2 if version == 2 else 3
    array = np.zeros((128, 128), "uint16")
    array[::7] = 3
    folder = ome_zarr(tmp_path / "a.zarr", array, "yx", number, **options)
    assert np.array_equal(read_image(folder).data[0], array)
    monkeypatch.setattr(packing, "SHORT", 1 << 8)
    big = np.ones((2048, 2048), "uint16")
    options["chunks"] = big.shape
    if version == "shards":
        options["shards"] = big.shape
    write_array(tmp_path / "big", big, number, **options)
    name = "0.0" if version == 2 else "c/0/0"
    chunk = (tmp_path / "big" / name).read_bytes()
    if version == "shards":
        chunk = chunk[:-20]
        index = struct.pack("<QQ", 0, len(chunk)) * 4
        chunk += index + struct.pack("<I", _crc32c(index))
    (folder / "0" / name).write_bytes(chunk)
    with open_image(folder) as file:
        for region in (slice(0, 10), slice(0, 128)):
            with pytest.raises(UnreadableFile, match="unpacks to more"):
                file.images[0].region((slice(0, 1), region, region))


def _crc32c(data: bytes) -> int:
    return int(google_crc32c.value(data))


def test_two_compressors_are_refused(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", random((20, 18)), "yx", 2)
    with pytest.raises(WrongFormat, match="twice"):
        open_image(declare(folder, filters=[{"id": "zlib", "level": 1}], compressor={"id": "zlib", "level": 1}))


def test_truncated_and_damaged_documents(tmp_path: Path) -> None:
    for version, name in ((2, ".zattrs"), (2, "0/.zarray"), (3, "zarr.json"), (3, "0/zarr.json")):
        folder = ome_zarr(tmp_path / f"{version}{name[0]}.zarr", random((20, 18)), "yx", version)
        whole = (folder / name).read_bytes()
        for end in range(0, len(whole) - 1, 9):
            (folder / name).write_bytes(whole[:end])
            with pytest.raises(CellCommonsError):
                read_image(folder)
        for text in (
            b"[]",
            b"null",
            b"1",
            b"[" * 100_000,
            b'{"multiscales": 3}',
            b'{"attributes": {"ome": {"multiscales": []}}}',
        ):
            (folder / name).write_bytes(text)
            with pytest.raises(CellCommonsError):
                read_image(folder)
        (folder / name).write_bytes(whole)
        assert read_image(folder).data.any()


def test_truncated_chunks(tmp_path: Path) -> None:
    for version, chunk in ((2, "0/0.0"), (3, "0/c/0/0")):
        folder = ome_zarr(tmp_path / f"{version}.zarr", random((20, 18)), "yx", version, chunks=(20, 18))
        whole = (folder / chunk).read_bytes()
        for end in range(1, len(whole), max(1, len(whole) // 40)):
            (folder / chunk).write_bytes(whole[:end])
            with pytest.raises(UnreadableFile):
                read_image(folder)


@pytest.mark.parametrize(
    "axes",
    [
        [{"name": "q", "type": "other"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
        [{"name": "y", "type": "space"}, {"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
        [{"name": "p", "type": "space"}, {"name": "q", "type": "space"}, {"name": "r", "type": "space"}],
        [{"name": "c", "type": "channel"}, {"name": "d", "type": "channel"}, {"name": "x", "type": "space"}],
    ],
)
def test_axes_that_are_no_image(tmp_path: Path, axes: list[dict[str, str]]) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", random((2, 20, 18)), "zyx")
    entry = multiscales("zyx")
    entry[0]["axes"] = axes
    write_group(folder, {"multiscales": entry}, 3)
    if axes[0]["name"] == "p":  # three spatial axes by other names are z, y, x in this order
        assert read_image(folder).axes == "czyx"
        return
    with pytest.raises(WrongFormat, match="axes"):
        read_image(folder)


def test_zarr_without_images(tmp_path: Path) -> None:
    write_array(tmp_path / "a.zarr", random((20, 18)), 3)
    with pytest.raises(WrongFormat, match="no OME metadata"):
        read_image(tmp_path / "a.zarr")


def test_limits_hold(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", random((3, 20, 18)), "cyx")
    for limits in (Limits(max_pixels=300), Limits(max_channels=2), Limits(max_planes=2), Limits(max_decoded_bytes=100)):
        with pytest.raises(TooLarge):
            read_image(folder, limits=limits)


REAL = {
    "yx": ("cyx", (1, 64, 64)),
    "cyx": ("cyx", (2, 64, 64)),
    "c1yx": ("czyx", (2, 1, 64, 64)),
    "zyx": ("czyx", (1, 3, 64, 64)),
    "czyx": ("czyx", (2, 3, 64, 64)),
    "tyx": ("tcyx", (4, 1, 64, 64)),
    "tcyx": ("tcyx", (4, 2, 64, 64)),
    "tzyx": ("tczyx", (4, 1, 3, 64, 64)),
    "tczyx": ("tczyx", (4, 2, 3, 64, 64)),
}


@pytest.mark.real_data
@pytest.mark.parametrize("order", REAL)
def test_real_axis_orders(real_data: Path, order: str) -> None:
    image = read_image(real_data / f"fmt_mixed/ome_zarr/v04/images/test_image_{order}.zarr")
    assert (image.axes, image.data.shape) == REAL[order]
    z = {"c1yx": 1.0}.get(order, 2.0) if "z" in image.axes else None
    assert image.pixel_size == PixelSize(0.5, 0.5, z)
    assert image.seconds_per_frame == (4.0 if "t" in order else None)
    assert image.channels == (("channel1", "channel2") if "c" in order else ("channel_0",))
    assert image.metadata["labels"] == ["label"]
