"""OME-Zarr folders that lead elsewhere, promise too much, are cut or damaged: refused, by name."""

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
import zarr.codecs
from zarr_builder import multiscales, ome_zarr, random, write_array, write_group

from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, UnsafeArchive, WrongFormat
from cellcommons.images import packing
from cellcommons.images.limits import Limits
from cellcommons.images.readers import is_image, open_image, read_image


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
