"""TIFFs read in parts: the same pixels as the whole, no more decoded than asked for, neighbours only on request."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from cellcommons.errors import CellCommonsError, NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.lazy import LazyImage
from cellcommons.images.limits import DEFAULT_LIMITS, Limits
from cellcommons.images.tiff import open_tiff
from cellcommons.images.tiff_planes import Files


def pixels(shape: tuple[int, ...], dtype: str = "uint16", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 120, shape).astype(dtype)


def opened(path: Path, **options: Any) -> Any:
    return open_tiff(path, path.name, options.pop("limits", DEFAULT_LIMITS), **options)


def regions(image: LazyImage, count: int = 12) -> list[tuple[slice, ...]]:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(count):
        pairs = [sorted(rng.choice(n + 1, 2, replace=False).tolist()) for n in image.shape]
        found.append(tuple(slice(a, b) for a, b in pairs))
    return found


# what -> (axes of the array that is written, its shape, its type, how it is written)
KINDS: dict[str, tuple[str, tuple[int, ...], str, dict[str, Any]]] = {
    "plain": ("yx", (70, 90), "uint16", {}),
    "rows": ("yx", (70, 90), "uint16", {"rowsperstrip": 7, "compression": "zlib"}),
    "big-endian": ("tyx", (3, 70, 90), "uint16", {"byteorder": ">", "imagej": True, "metadata": {"axes": "TYX"}}),
    "big-endian strips": ("yx", (70, 90), "float32", {"byteorder": ">", "rowsperstrip": 9, "compression": "lzw"}),
    "tiles": ("yx", (100, 150), "uint16", {"tile": (32, 48), "compression": "zlib", "predictor": True}),
    "tiles, uncompressed": ("yx", (100, 150), "uint16", {"tile": (32, 48)}),
    "colour, strips": ("yxc", (70, 90, 3), "uint8", {"photometric": "rgb", "rowsperstrip": 8, "compression": "zlib"}),
    "colour, tiles": ("yxc", (100, 150, 3), "uint8", {"photometric": "rgb", "tile": (32, 32), "compression": "jpeg"}),
    "colour, planes": ("cyx", (3, 70, 90), "uint8", {"photometric": "rgb", "planarconfig": "separate"}),
    "colour, planes of tiles": (
        "cyx",
        (3, 100, 150),
        "uint8",
        {"photometric": "rgb", "planarconfig": "separate", "tile": (32, 32), "compression": "zlib"},
    ),
    "alpha": ("yxc", (70, 90, 4), "uint8", {"photometric": "rgb", "extrasamples": ["unassalpha"], "rowsperstrip": 8}),
    "hyperstack": ("tzcyx", (2, 4, 3, 40, 30), "uint16", {"imagej": True, "metadata": {"axes": "TZCYX"}}),
    "ome": (
        "tczyx",
        (2, 3, 4, 40, 30),
        "int16",
        {"ome": True, "metadata": {"axes": "TCZYX"}, "compression": "zlib", "rowsperstrip": 11},
    ),
    "ome, colours": (
        "zyxc",
        (4, 40, 30, 3),
        "uint8",
        {"ome": True, "metadata": {"axes": "ZYXS"}, "photometric": "rgb", "compression": "zlib"},
    ),
    "ome, other order": (
        "zcyx",
        (3, 2, 40, 30),
        "uint16",
        {"ome": True, "metadata": {"axes": "ZCYX"}, "tile": (16, 16)},
    ),
    "one bit": ("yx", (70, 90), "bool", {}),
    "half": ("yx", (70, 90), "float16", {"rowsperstrip": 5}),
    "long": ("yx", (70, 90), "int64", {}),
    "volume": ("zyx", (8, 40, 48), "uint8", {"volumetric": True, "tile": (4, 16, 16), "metadata": {"axes": "ZYX"}}),
}


def arranged(data: np.ndarray, axes: str) -> np.ndarray:
    """``data`` as images order it: t, c, z, y, x, always with c."""
    data, axes = (data, axes) if "c" in axes else (data[None], "c" + axes)
    return np.transpose(data, [axes.index(a) for a in "tczyx" if a in axes])


@pytest.mark.parametrize("kind", KINDS)
def test_parts_are_cut_from_what_the_whole_holds(tmp_path: Path, kind: str) -> None:
    axes, shape, dtype, options = KINDS[kind]
    data = pixels(shape, "uint8")
    data = data > 60 if dtype == "bool" else data.astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", data, **{"photometric": "minisblack", **options})
    with opened(tmp_path / "a.tif") as file:
        lazy = file.image()
        whole = lazy.load()
        assert (whole.data.shape, whole.data.dtype, whole.axes) == (lazy.shape, lazy.dtype, lazy.axes)
        assert all(1 <= c <= n for c, n in zip(lazy.chunk, lazy.shape, strict=True))
        wanted = arranged(data, axes)[:3] if kind == "alpha" else arranged(data, axes)
        if options.get("compression") != "jpeg":
            assert np.array_equal(whole.data, wanted)
        for region in regions(lazy):
            part = lazy.region(region)
            assert part.dtype == lazy.dtype
            assert np.array_equal(part, whole.data[region])


def test_a_palette_is_expanded_region_by_region(tmp_path: Path) -> None:
    data = pixels((40, 31), "uint8")
    table = np.random.default_rng(1).integers(0, 65535, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="palette", colormap=table, rowsperstrip=7)
    with opened(tmp_path / "a.tif") as file:
        lazy = file.image()
        whole = lazy.load()
        assert np.array_equal(whole.data, (table >> 8).astype(np.uint8)[:, data])
        for region in regions(lazy):
            assert np.array_equal(lazy.region(region), whole.data[region])


def test_gray_in_three_samples_is_one_channel_before_it_is_loaded(tmp_path: Path) -> None:
    data = np.repeat(pixels((3000, 300, 1), "uint8"), 3, axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", rowsperstrip=16)
    with opened(tmp_path / "a.tif") as file:
        assert (file.image().shape, file.image().facts.rgb) == ((1, 3000, 300), False)
        assert np.array_equal(file.image().load().plane(), data[..., 0])
        assert "rgb_collapsed" in file.image().facts.metadata
    data[-1, -1, 2] += 1
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", rowsperstrip=16)
    with opened(tmp_path / "a.tif") as file:
        assert (file.image().shape, file.image().facts.rgb) == ((3, 3000, 300), True)


def test_what_only_all_pixels_tell_is_noted_on_loading(tmp_path: Path) -> None:
    data = pixels((20, 31, 4), "uint8")
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", extrasamples=["unassalpha"])
    with opened(tmp_path / "a.tif") as file:
        assert "alpha" not in file.image().facts.metadata
        assert "not opaque" in file.image().load().metadata["alpha"]
    wide = pixels((20, 31), "uint64")
    wide[7, 7] = 1 << 40
    tifffile.imwrite(tmp_path / "a.tif", wide)
    with opened(tmp_path / "a.tif") as file:
        assert np.array_equal(file.image().region((slice(0, 1), slice(0, 7), slice(0, 31)))[0], wide[:7])
        with pytest.raises(WrongFormat, match="32 bits"):
            file.image().region((slice(0, 1), slice(7, 8), slice(0, 31)))


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    read: list[int] = []
    plain = Files.read_into

    def counted(self: Files, path: Path, offset: int, target: memoryview) -> None:
        read.append(len(target))
        plain(self, path, offset, target)

    monkeypatch.setattr(Files, "read_into", counted)
    return read


def test_a_window_reads_its_tiles_and_a_plane_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = counting(monkeypatch)
    tifffile.imwrite(tmp_path / "a.tif", pixels((512, 512)), tile=(64, 64))
    with opened(tmp_path / "a.tif") as file:
        file.image().region((slice(0, 1), slice(60, 70), slice(0, 64)))
        assert read == [64 * 64 * 2] * 2
    read.clear()
    tifffile.imwrite(tmp_path / "b.tif", pixels((9, 64, 64)), imagej=True, metadata={"axes": "ZYX"})
    with opened(tmp_path / "b.tif") as file:
        assert read == []
        file.image().region((slice(0, 1), slice(3, 4), slice(10, 20), slice(0, 64)))
        assert read == [10 * 64 * 2]


def test_threads_read_one_file_at_once(tmp_path: Path) -> None:
    data = pixels((6, 200, 200))
    for options in ({"compression": "zlib", "tile": (32, 32)}, {}):
        tifffile.imwrite(tmp_path / "a.tif", data, ome=True, metadata={"axes": "TYX"}, **options)
        with opened(tmp_path / "a.tif") as file, ThreadPoolExecutor(8) as pool:
            lazy = file.image()
            asked = regions(lazy, 200)
            for region, part in zip(asked, pool.map(lazy.region, asked), strict=True):
                assert np.array_equal(part, data[:, None][region])


def test_an_imagej_stack_of_more_than_four_gigabytes_reads_any_plane(tmp_path: Path) -> None:
    """ImageJ writes one directory and all planes behind it; a sparse file takes no room."""
    path, side, planes = tmp_path / "big.tif", 1024, 5000
    tifffile.imwrite(path, np.zeros((2, side, side), np.uint8), imagej=True, metadata={"axes": "ZYX"})
    data = bytearray(path.read_bytes())
    note = data.index(b"ImageJ=")
    end = data.index(b"\0", note)
    said = f"ImageJ=1.54f\nimages={planes}\nslices={planes}\n".encode()
    assert len(said) <= end - note
    data[note:end] = said.ljust(end - note, b"\0")
    with tifffile.TiffFile(path) as tiff:
        start, place = tiff.pages[0].dataoffsets[0], tiff.pages[0].offset
    count = struct.unpack("<H", data[place : place + 2])[0]
    data[place + 2 + 12 * count : place + 6 + 12 * count] = bytes(4)  # no further directory
    with path.open("wb") as handle:
        handle.write(data[: start + 2 * side * side])
        handle.truncate(start + planes * side * side)
        handle.seek(start + (planes - 1) * side * side + 5 * side)
        handle.write(bytes([9]) * side)
    with opened(path) as file:
        lazy = file.image()
        assert (lazy.axes, lazy.shape, lazy.nbytes > 5e9) == ("czyx", (1, planes, side, side), True)
        assert (lazy.region((slice(0, 1), slice(planes - 1, planes), slice(5, 6), slice(0, side))) == 9).all()
        with pytest.raises(TooLarge, match="bytes of pixels"):
            lazy.load()
    with path.open("r+b") as handle:
        handle.truncate(start + (planes - 1) * side * side)
    with pytest.raises(UnreadableFile):
        opened(path)


def test_several_images_in_one_file(tmp_path: Path) -> None:
    first, second = pixels((2, 40, 30)), pixels((3, 20, 25), "uint8", 1)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        writer.write(first, metadata={"axes": "CYX", "Name": "left", "Channel": {"Name": ["a", "b"]}})
        writer.write(second, metadata={"axes": "ZYX", "Name": "right", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5})
    with opened(tmp_path / "a.ome.tif") as file:
        assert [image.name for image in file.images] == ["left", "right"]
        assert np.array_equal(file.image("left").load().data, first)
        right = file.image(1).load()
        assert np.array_equal(right.data[0], second)
        assert (right.pixel_size.x, file.image(0).facts.pixel_size.x) == (0.5, None)
        assert file.image(0).facts.channels == ("a", "b")
        with pytest.raises(NotFound, match="left"):
            file.image("middle")


@pytest.mark.parametrize("ome", [True, False])
def test_smaller_copies_are_not_images(tmp_path: Path, ome: bool) -> None:
    data = pixels((256, 256, 3), "uint8")
    with tifffile.TiffWriter(tmp_path / "a.tif", ome=ome) as writer:
        options = {"tile": (64, 64), "photometric": "rgb", "compression": "zlib"}
        if ome:
            writer.write(data, subifds=2, metadata={"axes": "YXS"}, **options)
            for step in (2, 4):
                writer.write(data[::step, ::step], subfiletype=1, **options)
        else:
            for step in (1, 2, 4):
                writer.write(data[::step, ::step], metadata=None, subfiletype=int(step > 1), **options)
    with opened(tmp_path / "a.tif") as file:
        assert len(file.images) == 1
        assert np.array_equal(file.image().load().data, np.moveaxis(data, -1, 0))


def test_damage_within_shows_where_it_is_read(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "w.tif", pixels((200, 200)), tile=(64, 64), compression="zlib")
    data = bytearray((tmp_path / "w.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "w.tif") as tiff:
        offset = tiff.pages[0].dataoffsets[-1]
    data[offset : offset + 40] = bytes(40)
    (tmp_path / "a.tif").write_bytes(data)
    with opened(tmp_path / "a.tif") as file:
        lazy = file.image()
        assert lazy.region((slice(0, 1), slice(0, 64), slice(0, 64))).any()
        with pytest.raises(UnreadableFile, match=r"a\.tif"):
            lazy.region((slice(0, 1), slice(195, 200), slice(195, 200)))


def test_opening_is_bounded_by_what_is_declared(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels((4, 50, 60)), imagej=True, metadata={"axes": "ZYX"})
    with opened(tmp_path / "a.tif", limits=Limits(max_decoded_bytes=100)) as file:
        assert file.image().nbytes == 24_000
    for limits in (Limits(max_pixels=2999), Limits(max_planes=3)):
        with pytest.raises(TooLarge):
            opened(tmp_path / "a.tif", limits=limits)


@pytest.mark.real_data
def test_a_slide_knows_its_size_and_reads_by_tiles(real_data: Path) -> None:
    with opened(real_data / "fmt_mixed/svs/cmu-1-small-region.svs") as file:
        slide = file.image()
        assert (slide.name, slide.facts.pixel_size.x, slide.chunk) == ("Baseline", 0.499, (3, 240, 240))
        whole = slide.load()
        for region in regions(slide):
            assert np.array_equal(slide.region(region), whole.data[region])


@pytest.mark.real_data
def test_every_real_tiff_reads_in_parts(real_data: Path) -> None:
    files = [
        p for folder in ("fmt_neubias_ccby", "fmt_wipp_ometiff") for p in sorted((real_data / folder).rglob("*.tif"))
    ]
    for path in files[:: max(1, len(files) // 25)]:
        with opened(path) as file:
            try:
                lazy = file.image()
            except CellCommonsError:
                continue
            whole = lazy.load()
            for region in regions(lazy, 4):
                assert np.array_equal(lazy.region(region), whole.data[region]), path
