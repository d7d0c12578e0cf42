"""ND2 in: the real file against the package's own reader, files made from it, and damaged ones."""

from __future__ import annotations

import random
import struct
import sys
import zlib
from pathlib import Path

import nd2
import numpy as np
import pytest

from cellcommons.axes import PixelSize
from cellcommons.errors import CellCommonsError, MissingExtra, TooLarge, UnreadableFile, WrongFormat
from cellcommons.images.data import Wavelengths
from cellcommons.images.limits import Limits
from cellcommons.images.readers import list_images, open_image, read_image

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def cluster(real_data: Path) -> Path:
    """3 frames, 10 planes, 2 channels of 31 x 38 pixels, 12 bits in 16."""
    return real_data / "fmt_mixed" / "nd2" / "cluster.nd2"


def test_the_real_file(cluster: Path) -> None:
    image = read_image(cluster)
    assert (image.axes, image.data.shape, image.data.dtype) == ("tczyx", (3, 2, 10, 31, 38), "uint16")
    assert np.array_equal(image.data, np.moveaxis(nd2.imread(cluster), 2, 1))
    assert image.channels == ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS")
    assert image.wavelengths == (Wavelengths(488.0, 525.0), Wavelengths(561.0, 700.0))
    assert image.pixel_size == PixelSize(y=0.167808983233, x=0.167808983233, z=0.5)
    # Its period and its measured intervals are 0: acquired without pause, and how fast is not said.
    assert image.seconds_per_frame is None
    assert image.metadata["significant_bits"] == 12


def test_regions(cluster: Path) -> None:
    whole = read_image(cluster).data
    with open_image(cluster) as file:
        (image,) = file.images
        assert image.chunk == (1, 2, 1, 31, 38)
        region = (slice(1, 3), slice(1, 2), slice(4, 9), slice(3, 17), slice(30, 38))
        assert np.array_equal(image.region(region), whole[region])


def test_without_the_package(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nd2", None)
    with pytest.raises(MissingExtra, match="ND2") as caught:
        open_image(cluster)
    assert 'pip install "cellcommons[nd2]"' in caught.value.remedy


def restated(monkeypatch: pytest.MonkeyPatch, cluster: Path, **attributes: object) -> None:
    """Let the package state other attributes of the real file's frames, as other real files have them."""
    with nd2.ND2File(cluster) as file:
        said = file.attributes._replace(**attributes)

    class Stated(nd2.ND2File):
        @property
        def attributes(self) -> object:
            return said

    monkeypatch.setattr(nd2, "ND2File", Stated)


def test_positions_are_images(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real file's three frames in time, restated as three positions."""
    whole = read_image(cluster).data
    points = [nd2.structures.Position(nd2.structures.StagePosition(0, 0, 0), name=name) for name in ("a", "b", "c")]

    class Positions(nd2.ND2File):
        @property
        def experiment(self) -> list[object]:
            loops = list(super().experiment)
            parameters = nd2.structures.XYPosLoopParams(isSettingZ=False, points=points)
            return [nd2.structures.XYPosLoop(count=3, nestingLevel=0, parameters=parameters), *loops[1:]]

    monkeypatch.setattr(nd2, "ND2File", Positions)
    assert [(n, f.axes, f.data.shape) for n, f in list_images(cluster)] == [
        (name, "czyx", (2, 10, 31, 38)) for name in ("a", "b", "c")
    ]
    assert np.array_equal(read_image(cluster, series="c").data, whole[2])
    points[1].name = "a"
    assert [n for n, _ in list_images(cluster)] == ["position 1", "position 2", "position 3"]


def test_loops_that_are_not_read(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Custom(nd2.ND2File):
        @property
        def experiment(self) -> list[object]:
            return [nd2.structures.CustomLoop(count=3), *list(super().experiment)[1:]]

    monkeypatch.setattr(nd2, "ND2File", Custom)
    with pytest.raises(WrongFormat, match="CustomLoop"):
        open_image(cluster)


def test_colours_are_stored_blue_first(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of 2 x 38 x 31 components of 16 bits, read as 3 samples of 25 pixels a row."""
    plain = read_image(cluster).data  # t, c, z, y, x
    restated(monkeypatch, cluster, componentCount=3, channelCount=1, widthPx=25, widthBytes=152)
    image = read_image(cluster)
    assert (image.axes, image.rgb, image.data.shape) == ("tczyx", True, (3, 3, 10, 31, 25))
    row = plain[1, :, 4, 7].T.reshape(-1)[:75].reshape(25, 3)
    assert np.array_equal(image.data[1, :, 4, 7], row[:, ::-1].T)


def test_lossy_compression_is_refused(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restated(monkeypatch, cluster, compressionType="lossy")
    with pytest.raises(WrongFormat, match="lossy"):
        open_image(cluster)


def chunks(data: bytes) -> dict[bytes, tuple[int, int]]:
    """Name -> (position, bytes of data) by the map at the end."""
    (at,) = struct.unpack("<Q", data[-8:])
    _, name, length = struct.unpack("<IIQ", data[at : at + 16])
    listed = data[at + 16 + name : at + 16 + name + length]
    found, position = {}, 0
    while not listed[position:].startswith(b"ND2 CHUNK MAP"):
        end = listed.index(b"!", position) + 1
        found[listed[position:end]] = struct.unpack("<QQ", listed[end : end + 16])
        position = end + 16
    return found


def test_zlib_frames_and_bombs(cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real frames, deflated in place; then one that unpacks to more, and one to less."""
    whole = read_image(cluster).data
    raw = bytearray(cluster.read_bytes())
    frames = {name: span for name, span in chunks(bytes(raw)).items() if name.startswith(b"ImageDataSeq|")}
    length = 31 * 152

    def put(name: bytes, packed: bytes) -> None:
        at = frames[name][0]
        _, title, _ = struct.unpack("<IIQ", raw[at : at + 16])
        raw[at + 8 : at + 16] = struct.pack("<Q", 8 + len(packed))
        raw[at + 16 + title + 8 : at + 16 + title + 8 + len(packed)] = packed

    for name, (at, _) in frames.items():
        title = struct.unpack("<IIQ", raw[at : at + 16])[1]
        pixels = bytes(raw[at + 16 + title + 8 :][:length])
        put(name, zlib.compress(pixels))
    path = tmp_path / "a.nd2"
    path.write_bytes(raw)
    restated(monkeypatch, cluster, compressionType="lossless")
    assert np.array_equal(read_image(path).data, whole)
    put(b"ImageDataSeq|7!", zlib.compress(bytes(4 << 20)))
    path.write_bytes(raw)
    assert read_image(path).data.shape == whole.shape
    put(b"ImageDataSeq|7!", zlib.compress(bytes(length - 1)))
    path.write_bytes(raw)
    with pytest.raises(UnreadableFile, match="frame 7 holds"):
        read_image(path)


def test_missing_frames_are_named(cluster: Path, tmp_path: Path) -> None:
    raw = bytearray(cluster.read_bytes())
    at = raw.rindex(b"ImageDataSeq|17!")
    raw[at : at + 5] = b"Other"
    (tmp_path / "a.nd2").write_bytes(raw)
    with pytest.raises(UnreadableFile, match="1 of 30 frames are missing: t 1, z 7"):
        open_image(tmp_path / "a.nd2")


def test_truncated_everywhere(cluster: Path, tmp_path: Path) -> None:
    whole = cluster.read_bytes()
    path = tmp_path / "a.nd2"
    for end in range(16, len(whole), len(whole) // 60):
        path.write_bytes(whole[:end])
        with pytest.raises(UnreadableFile, match=r"truncated|damaged"):
            open_image(path)


def test_damaged_everywhere(cluster: Path, tmp_path: Path) -> None:
    """The image, or a refusal; never another exception."""
    whole = cluster.read_bytes()
    named = [span[0] for name, span in chunks(whole).items() if not name.startswith(b"ImageDataSeq")]
    dice = random.Random(3)
    refused = 0
    for number in range(250):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 4, 12))):
            at = dice.choice(named) + dice.randrange(3000) if number % 2 else dice.randrange(len(whole))
            damaged[min(at, len(whole) - 1)] = dice.choice((0, 1, 127, 128, 255))
        (tmp_path / "a.nd2").write_bytes(damaged)
        try:
            read_image(tmp_path / "a.nd2")
        except CellCommonsError:
            refused += 1
    assert refused > 5


def test_limits_hold(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for limits in (Limits(max_pixels=1000), Limits(max_planes=29), Limits(max_channels=1)):
        with pytest.raises(TooLarge):
            open_image(cluster, limits=limits)
    restated(monkeypatch, cluster, heightPx=60_000, widthPx=60_000, widthBytes=240_000)
    with pytest.raises(TooLarge, match="60,000 x 60,000"):
        open_image(cluster)


def test_a_wrong_name(cluster: Path, tmp_path: Path) -> None:
    (tmp_path / "a.czi").write_bytes(cluster.read_bytes()[:4096])
    with pytest.raises(WrongFormat, match="looks like ND2"):
        open_image(tmp_path / "a.czi")
    (tmp_path / "a.nd2").write_bytes(b"")
    with pytest.raises(UnreadableFile, match="empty"):
        open_image(tmp_path / "a.nd2")
