"""LIF in. No real file is at hand: files are built after the published layout and compared with liffile's reading."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import liffile
import numpy as np
import pytest

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.limits import Limits
from cellcommons.images.readers import list_images, open_image, read_image

IDS = {"x": 1, "y": 2, "z": 3, "t": 4, "l": 5, "m": 10}
LENGTHS = {"x": 9.5e-6, "y": 4.5e-6, "z": 6e-6, "t": 30.0}
ARRAY = np.random.default_rng(0).integers(0, 4000, (3, 4, 2, 10, 20)).astype("<u2")  # t z c y x


def image(
    name: str, block: str, sizes: dict[str, tuple[int, int]], channels: list[dict[str, Any]], children: str = ""
) -> str:
    """XML of one image. ``sizes``: letter -> (elements, bytes from one to the next)."""
    dimensions = "".join(
        f'<DimensionDescription DimID="{IDS[a]}" NumberOfElements="{n}" Origin="0" Length="{LENGTHS.get(a, 0)}" '
        f'Unit="{"s" if a == "t" else "m"}" BitInc="0" BytesInc="{step}"/>'
        for a, (n, step) in sizes.items()
    )
    described = "".join(
        f'<ChannelDescription DataType="{c.get("kind", 0)}" ChannelTag="{c.get("tag", 0)}" Resolution="{c["bits"]}" '
        f'NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName="{c.get("lut", "Gray")}" IsLUTInverted="0" '
        f'BytesInc="{c["at"]}" BitInc="0"><ChannelProperty><Key>DyeName</Key><Value>{c.get("dye", "")}</Value>'
        "</ChannelProperty></ChannelDescription>"
        for c in channels
    )
    return (
        f'<Element Name="{name}" UniqueID="u"><Data><Image><ImageDescription><Channels>{described}</Channels>'
        f"<Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
        f'<Memory Size="0" MemoryBlockID="{block}"/><Children>{children}</Children></Element>'
    )


def lif(path: Path, images: str, blocks: dict[str, bytes], version: int = 2) -> Path:
    text = (
        f'<LMSDataContainerHeader Version="{version}"><Element Name="project.lif" UniqueID="p">'
        f'<Data><Experiment/></Data><Memory Size="0" MemoryBlockID="MemBlock_root"/><Children>{images}</Children>'
        "</Element></LMSDataContainerHeader>"
    ).encode("utf-16-le")
    data = struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(text) // 2) + text
    for name, pixels in blocks.items():
        title = name.encode("utf-16-le")
        size = struct.pack("<Q" if version == 2 else "<I", len(pixels))
        head = b"\x2a" + size + b"\x2a" + struct.pack("<I", len(name))
        data += struct.pack("<II", 0x70, len(head) + len(title)) + head + title + pixels
    path.write_bytes(data)
    return path


def stack(path: Path, version: int = 2) -> Path:
    """ARRAY, stored as t, z, c, y, x; 12 bits in 16."""
    sizes = {"x": (20, 2), "y": (10, 40), "z": (4, 800), "t": (3, 3200)}
    channels = [{"bits": 12, "at": 0, "dye": "DAPI", "lut": "Blue"}, {"bits": 12, "at": 400, "lut": "Green"}]
    blocks = {"MemBlock_1": ARRAY.tobytes(), "MemBlock_root": b""}
    return lif(path, image("Series001", "MemBlock_1", sizes, channels), blocks, version)


@pytest.mark.parametrize("version", [1, 2])
def test_time_depth_and_channels(tmp_path: Path, version: int) -> None:
    path = stack(tmp_path / "a.lif", version)
    ((name, facts),) = list_images(path)
    assert (name, facts.axes, facts.channels) == ("Series001", "tczyx", ("DAPI", "channel 2"))
    assert facts.pixel_size == PixelSize(y=0.5, x=0.5, z=2.0)
    assert facts.seconds_per_frame == 15.0
    assert facts.metadata["significant_bits"] == 12
    assert facts.metadata["channel_colours"] == ["Blue", "Green"]
    read = read_image(path)
    assert np.array_equal(read.data, ARRAY.transpose(0, 2, 1, 3, 4))
    with liffile.LifFile(path) as peer:
        assert peer.images[0].dims == ("T", "Z", "C", "Y", "X")
        assert np.array_equal(peer.images[0].asarray(), read.data.transpose(0, 2, 1, 3, 4))


def test_regions(tmp_path: Path) -> None:
    with open_image(stack(tmp_path / "a.lif")) as file:
        (found,) = file.images
        assert found.chunk == (1, 1, 1, 10, 20)
        part = found.region((slice(1, 3), slice(1, 2), slice(2, 4), slice(3, 9), slice(4, 7)))
        assert np.array_equal(part, ARRAY.transpose(0, 2, 1, 3, 4)[1:3, 1:2, 2:4, 3:9, 4:7])


@pytest.mark.parametrize("tags", [(3, 2, 1), (1, 2, 3)])
def test_colour_with_padded_rows(tmp_path: Path, tags: tuple[int, int, int]) -> None:
    """Interleaved samples, blue or red first, in rows of 64 bytes."""
    pixels = np.random.default_rng(0).integers(0, 255, (10, 20, 3)).astype("uint8")
    rows = np.zeros((10, 64), "uint8")
    rows[:, :60] = pixels.reshape(10, 60)
    channels = [{"bits": 8, "at": place, "tag": tag} for place, tag in enumerate(tags)]
    xml = image("Snap", "MemBlock_1", {"x": (20, 3), "y": (10, 64)}, channels)
    read = read_image(lif(tmp_path / "a.lif", xml, {"MemBlock_1": rows.tobytes()}))
    assert (read.rgb, read.channels) == (True, ("red", "green", "blue"))
    red_first = pixels[..., ::-1] if tags[0] == 3 else pixels
    assert np.array_equal(read.data, np.moveaxis(red_first, -1, 0))


def test_folders_mosaics_and_what_is_left_out(tmp_path: Path) -> None:
    pixels = np.arange(3 * 4 * 5, dtype="uint8").reshape(3, 4, 5)
    gray = [{"bits": 8, "at": 0}]
    inner = image("Tiles", "B2", {"x": (5, 1), "y": (4, 5), "m": (3, 20)}, gray)
    xml = (
        f'<Element Name="Folder"><Children>{inner}</Children></Element>'
        + image("Line", "B3", {"x": (5, 1), "t": (4, 5)}, gray)
        + image("Spectrum", "B3", {"x": (5, 1), "y": (4, 5), "l": (1, 1)}, gray)
        + image("Spectra", "B3", {"x": (5, 1), "y": (2, 5), "l": (2, 10)}, gray)
    )
    path = lif(tmp_path / "a.lif", xml, {"B2": pixels.tobytes(), "B3": bytes(20)})
    found = list_images(path)
    assert [n for n, _ in found] == [f"Folder/Tiles, tile {n}" for n in (1, 2, 3)] + ["Spectrum"]
    assert found[0][1].metadata["images_left_out"] == [
        "Line: it is a scan without rows or columns",
        "Spectra: it has 2 steps of wavelength",
    ]
    assert np.array_equal(read_image(path, series="Folder/Tiles, tile 3").data[0], pixels[2])
    with pytest.raises(WrongFormat, match="no image that is read"):
        open_image(lif(path, image("Line", "B3", {"x": (5, 1), "t": (4, 5)}, gray), {"B3": bytes(20)}))


def test_transposed_rows_and_floats(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).random((7, 9)).astype("<f4")
    sizes = {"y": (7, 4), "x": (9, 28)}
    xml = image("Sideways", "B", sizes, [{"bits": 32, "at": 0, "kind": 1}])
    read = read_image(lif(tmp_path / "a.lif", xml, {"B": np.ascontiguousarray(pixels.T).tobytes()}))
    assert read.data.dtype == "float32"
    assert np.array_equal(read.data[0], pixels)


# Bad input


def test_absurd_declarations(tmp_path: Path) -> None:
    gray = [{"bits": 8, "at": 0}]

    def declared(**sizes: tuple[int, int]) -> Path:
        return lif(tmp_path / "a.lif", image("A", "B", {"x": (5, 1), "y": (4, 5), **sizes}, gray), {"B": bytes(20)})

    with pytest.raises(UnreadableFile, match="declares"):
        open_image(declared(x=(60_000, 1), y=(60_000, 60_000)))
    with pytest.raises(TooLarge, match="60,000 x 60,000"):
        open_image(declared(x=(60_000, 0), y=(60_000, 0)))
    with pytest.raises(TooLarge, match="planes"):
        open_image(declared(t=(1 << 40, 0)))
    with pytest.raises(TooLarge, match="planes"):
        open_image(declared(m=(1 << 40, 0)))
    for sizes in ({"x": (0, 1)}, {"x": (-5, 1)}, {"x": (5, -1)}):
        with pytest.raises(UnreadableFile):
            open_image(declared(**sizes))
    with pytest.raises(TooLarge):
        open_image(stack(tmp_path / "a.lif"), limits=Limits(max_planes=23))


def test_hostile_xml(tmp_path: Path) -> None:
    header = '<LMSDataContainerHeader Version="2">&b;</LMSDataContainerHeader>'
    text = f'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>{header}'.encode("utf-16-le")
    (tmp_path / "a.lif").write_bytes(struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(text) // 2) + text)
    with pytest.raises(UnreadableFile, match="document type"):
        open_image(tmp_path / "a.lif")
    (tmp_path / "a.lif").write_bytes(struct.pack("<IIBI", 0x70, 5, 0x2A, 1 << 31))
    with pytest.raises(UnreadableFile):
        open_image(tmp_path / "a.lif")


def test_truncated_everywhere(tmp_path: Path) -> None:
    path = stack(tmp_path / "a.lif")
    whole = path.read_bytes()
    for end in range(8, len(whole) - 40, 61):
        path.write_bytes(whole[:end])
        with pytest.raises(CellCommonsError):
            open_image(path)


def test_damaged_everywhere(tmp_path: Path) -> None:
    """The image, or a refusal; never another exception."""
    path = stack(tmp_path / "a.lif")
    whole = path.read_bytes()
    head = whole.index(b"\x70", 100)
    dice = random.Random(5)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 3))):
            damaged[dice.randrange(13, head + 4000)] = dice.choice((0, 32, 48, 57, 60, 127, 255))
        path.write_bytes(damaged)
        try:
            read_image(path)
        except CellCommonsError:
            refused += 1
    assert refused > 50
