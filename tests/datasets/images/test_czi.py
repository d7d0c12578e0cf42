"""CZI in: files by Zeiss's own writer, the real file, files built segment by segment, and damaged ones.

``czi/*.czi`` were written by Zeiss's pylibCZIrw 6.1.0; their pixels follow ``zeiss_pixels``.
"""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from czi_builder import Tile, build_czi

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.data import PlatePosition, Wavelengths
from cellcommons.images.limits import Limits
from cellcommons.images.readers import list_images, open_image, read_image

ZEISS = Path(__file__).parent / "czi"


def zeiss_pixels(t: int, z: int, c: int, tile: int, samples: int, dtype: str) -> np.ndarray:
    """What was given to Zeiss's writer: axes y, x, samples (blue, green, red), 10 x 12 pixels."""
    y, x = np.mgrid[:10, :12]
    values = (1000 * t + 300 * z + 70 * c + 13 * tile + 7 * y + x)[..., None] + np.arange(samples) * 40
    return (values if dtype == "float32" else values % np.iinfo(dtype).max).astype(dtype)


def test_time_depth_and_channels_by_zeiss() -> None:
    """uint16, zstd with split bytes."""
    image = read_image(ZEISS / "movie.czi")
    assert (image.axes, image.data.shape, image.data.dtype) == ("tczyx", (2, 2, 3, 10, 12), "uint16")
    assert image.channels == ("DAPI", "GFP")
    assert image.pixel_size == PixelSize(y=0.3, x=0.2, z=1.0)
    assert image.seconds_per_frame is None
    for t, z, c in itertools.product(range(2), range(3), range(2)):
        assert np.array_equal(image.plane(c=c, z=z, t=t), zeiss_pixels(t, z, c, 0, 1, "uint16")[..., 0])


def test_scenes_and_overlapping_tiles_by_zeiss() -> None:
    """uint8, zstd; two scenes of three tiles each, the later on top."""
    images = list_images(ZEISS / "scenes.czi")
    assert [(n, f.axes, f.data.shape) for n, f in images] == [
        ("scene 0", "cyx", (2, 18, 21)),
        ("scene 1", "cyx", (2, 18, 21)),
    ]
    for scene, c in itertools.product(range(2), range(2)):
        expected = np.zeros((18, 21), np.uint8)
        for number, (x, y) in enumerate([(0, 0), (9, 2), (0, 8)]):
            expected[y : y + 10, x : x + 12] = zeiss_pixels(0, 0, c, number + 5 * scene, 1, "uint8")[..., 0]
        with open_image(ZEISS / "scenes.czi") as file:
            image = file.image(f"scene {scene}")
            assert image.chunk == (1, 10, 12)
            assert np.array_equal(image.load().plane(c=c), expected)
            part = image.region((slice(c, c + 1), slice(5, 15), slice(8, 14)))
            assert np.array_equal(part[0], expected[5:15, 8:14])


@pytest.mark.parametrize(("name", "dtype", "shape"), [("colour", "uint8", (11, 22)), ("colour48", "uint16", (10, 12))])
def test_colour_by_zeiss(name: str, dtype: str, shape: tuple[int, int]) -> None:
    """Blue, green, red in the file; the first lies left of and above 0."""
    image = read_image(ZEISS / f"{name}.czi")
    assert (image.rgb, image.channels, image.shape_yx) == (True, ("red", "green", "blue"), shape)
    first = np.moveaxis(zeiss_pixels(0, 0, 0, 0, 3, dtype)[..., ::-1], -1, 0)
    assert np.array_equal(image.data[:, :1, :10], first[:, :1, :10])
    if name == "colour":
        second = np.moveaxis(zeiss_pixels(0, 0, 0, 1, 3, dtype)[..., ::-1], -1, 0)
        assert np.array_equal(image.data[:, 1:, 10:], second)


def test_float_by_zeiss() -> None:
    image = read_image(ZEISS / "float.czi")
    assert (image.axes, image.data.shape, image.data.dtype) == ("czyx", (1, 2, 10, 12), "float32")
    assert np.array_equal(image.plane(z=1), zeiss_pixels(0, 1, 0, 0, 1, "float32")[..., 0])


@pytest.mark.real_data
def test_the_real_file(real_data: Path) -> None:
    """Shape as the README says; checked against czifile 2019.7.2 and pylibCZIrw 6.1.0, pixel for pixel."""
    image = read_image(real_data / "fmt_mixed" / "czi" / "test_image.czi")
    assert (image.axes, image.data.shape, image.data.dtype) == ("cyx", (3, 513, 639), "uint8")
    assert (image.rgb, image.channels) == (True, ("red", "green", "blue"))
    assert image.data[:, 100, 100].tolist() == [1, 6, 0]
    assert image.data.mean() == pytest.approx(40.064515604)
    assert image.pixel_size == PixelSize()


XML = """<ImageDocument><Metadata><Information><Image><ComponentBitCount>12</ComponentBitCount><Dimensions>
<Channels>
<Channel Id="Channel:0" Name="AF488"><ExcitationWavelength>488.5</ExcitationWavelength>
<EmissionWavelength>509</EmissionWavelength></Channel>
<Channel Id="Channel:1" Name="TL"><ExcitationWavelength>none</ExcitationWavelength></Channel>
</Channels>
<T><Positions><Interval><Start>0</Start><Increment>2.5</Increment></Interval></Positions></T>
<S><Scenes><Scene Index="0" Name="P1-B4"><Shape Id="1" Name="B4"/></Scene><Scene Index="1" Name="P2"/></Scenes></S>
</Dimensions></Image></Information></Metadata></ImageDocument>"""


def planes(scenes: int = 2, leave_out: int | None = None) -> list[Tile]:
    """Two scenes of 2 frames of 2 channels of 4 x 6 pixels of 16 bits."""
    tiles = [
        Tile(
            np.full((4, 6), 100 * s + 10 * t + c, "<u2").tobytes(),
            {"X": (50 * s, 6), "Y": (0, 4), "C": (c, 1), "T": (t, 1), "S": (s, 1)},
            pixel_type=1,
        )
        for s, t, c in itertools.product(range(scenes), range(2), range(2))
    ]
    return [tile for number, tile in enumerate(tiles) if number != leave_out]


def czi(path: Path, tiles: list[Tile], xml: str = "", **options: int) -> Path:
    path.write_bytes(build_czi(tiles, xml, **options))
    return path


def test_what_the_metadata_says(tmp_path: Path) -> None:
    path = czi(tmp_path / "a.czi", planes(), XML)
    (first, facts), (second, other) = list_images(path)
    assert (first, second) == ("P1-B4", "P2")
    assert (facts.position, other.position) == (PlatePosition("B", 4), None)
    assert (facts.axes, facts.channels, facts.seconds_per_frame) == ("tcyx", ("AF488", "TL"), 2.5)
    assert facts.wavelengths == (Wavelengths(488.5, 509.0), Wavelengths())
    assert facts.metadata["significant_bits"] == 12
    image = read_image(path, series="P2")
    assert image.data[:, :, 0, 0].tolist() == [[100, 101], [110, 111]]


def test_damaged_or_hostile_metadata_is_noted(tmp_path: Path) -> None:
    for xml in ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "<ImageDocument>", "\x00"):
        image = read_image(czi(tmp_path / "a.czi", planes(1), xml))
        assert image.channels == ("channel 1", "channel 2")
        assert "names and sizes unknown" in image.metadata["czi_metadata"]


def test_pyramids_are_noted_and_left_alone(tmp_path: Path) -> None:
    full = np.arange(64, dtype=np.uint8).reshape(8, 8)
    tiles = [
        Tile(full.tobytes(), {"X": (0, 8), "Y": (0, 8), "C": (0, 1)}),
        Tile(full[::2, ::2].tobytes(), {"X": (0, 8), "Y": (0, 8), "C": (0, 1)}, stored=(4, 4)),
    ]
    image = read_image(czi(tmp_path / "a.czi", tiles))
    assert np.array_equal(image.data[0], full)
    assert image.metadata["pyramid_levels"] == 2
    with pytest.raises(UnreadableFile, match="full resolution"):
        open_image(czi(tmp_path / "a.czi", tiles[1:]))


@pytest.mark.parametrize(("dtype", "pixel_type"), [("uint8", 0), ("uint16", 1)])
def test_jpeg_xr(tmp_path: Path, dtype: str, pixel_type: int) -> None:
    pixels = (np.add.outer(np.arange(32) * 3, np.arange(48) * 2)).astype(dtype)
    tile = Tile(imagecodecs.jpegxr_encode(pixels, level=1.0), {"X": (0, 48), "Y": (0, 32)}, pixel_type, 4)
    image = read_image(czi(tmp_path / "a.czi", [tile]))
    assert np.array_equal(image.data[0], pixels)
    larger = Tile(tile.data, {"X": (0, 47), "Y": (0, 32)}, pixel_type, 4)
    with pytest.raises(UnreadableFile, match="48 x 32"):
        read_image(czi(tmp_path / "a.czi", [larger]))


def test_phases_and_views_are_images_of_their_own(tmp_path: Path) -> None:
    tiles = [Tile(bytes([h] * 24), {"X": (0, 6), "Y": (0, 4), "H": (h, 1)}) for h in range(3)]
    path = czi(tmp_path / "a.czi", tiles)
    assert [n for n, _ in list_images(path)] == ["phase 0", "phase 1", "phase 2"]
    assert read_image(path, series="phase 2").data.max() == 2


# Bad input


def test_missing_planes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="1 of 4 planes are missing: t 1, z 0, c 0"):
        open_image(czi(tmp_path / "a.czi", planes(1, leave_out=2)))


def test_several_files_and_unread_kinds(tmp_path: Path) -> None:
    with pytest.raises(WrongFormat, match="several files"):
        open_image(czi(tmp_path / "a.czi", planes(1), part=1))
    tiles = planes(1)
    tiles[0].part = 1
    with pytest.raises(WrongFormat, match="other files"):
        open_image(czi(tmp_path / "a.czi", tiles))
    for change, match in (({"compression": 1}, "compression 1"), ({"pixel_type": 10}, "type 10")):
        tiles = planes(1)
        for name, value in change.items():
            setattr(tiles[0], name, value)
        with pytest.raises(WrongFormat, match=match):
            open_image(czi(tmp_path / "a.czi", tiles))
    tiles = planes(1)
    tiles[0].pixel_type = 2
    with pytest.raises(WrongFormat, match="different kinds"):
        open_image(czi(tmp_path / "a.czi", tiles))


def test_absurd_declarations(tmp_path: Path) -> None:
    def declared(**places: tuple[int, int]) -> Path:
        return czi(tmp_path / "a.czi", [Tile(b"x", {"X": (0, 6), "Y": (0, 4), **places})])

    with pytest.raises(TooLarge, match="60,000 x 60,000"):
        open_image(declared(X=(0, 60_000), Y=(0, 60_000)), limits=Limits(max_decoded_bytes=1 << 40))
    with pytest.raises(TooLarge, match="one tile"):
        open_image(declared(X=(0, 60_000), Y=(0, 60_000)))
    with pytest.raises(TooLarge, match="channels"):
        open_image(declared(C=(0, 1 << 30)))
    with pytest.raises(TooLarge, match="planes"):
        open_image(declared(T=(0, 1 << 30)))
    with pytest.raises(UnreadableFile):
        open_image(declared(X=(0, -6)))
    for count in (-1, 0, 2, 1 << 30):
        with pytest.raises(CellCommonsError):
            open_image(czi(tmp_path / "a.czi", planes(1)[:1], count=count))


def test_bombs(tmp_path: Path) -> None:
    bomb = imagecodecs.zstd_encode(bytes(256 << 20))
    for compression, data in ((5, bomb), (6, b"\x01" + bomb), (6, b"\x03\x01\x01" + bomb)):
        tile = Tile(data, {"X": (0, 60), "Y": (0, 40)}, 1, compression)
        with pytest.raises(UnreadableFile):
            read_image(czi(tmp_path / "a.czi", [tile]))


@pytest.mark.parametrize("name", ["movie", "scenes", "colour"])
def test_truncated_and_damaged_everywhere(tmp_path: Path, name: str) -> None:
    """The image, or a refusal; never another exception. A cut is never read as a smaller image."""
    whole = (ZEISS / f"{name}.czi").read_bytes()
    shapes = [facts.data.shape for _, facts in list_images(ZEISS / f"{name}.czi")]
    path = tmp_path / "a.czi"
    for end in range(1, len(whole) - 600, 97):
        path.write_bytes(whole[:end])
        try:
            assert [facts.data.shape for _, facts in list_images(path)] == shapes
        except CellCommonsError:
            continue
    dice = random.Random(name)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 4, 12))):
            damaged[dice.randrange(10, len(whole))] = dice.choice((0, 1, 127, 128, 255))
        path.write_bytes(damaged)
        try:
            with open_image(path) as file:
                for image in file.images:
                    image.load()
        except CellCommonsError:
            refused += 1
    assert refused > 50
