"""Downloads of some channels or a region: what moves, what is handed out, what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr
from small_release import Hub, overwrite, seal, serving, small_release

import cellcommons
from cellcommons import cut_trees
from cellcommons.cli import main
from cellcommons.client import Client
from cellcommons.crops import Crops
from cellcommons.download_settings import DownloadSettings
from cellcommons.errors import BadSelection, CellCommonsError, DigestMismatch, InvalidDocument, NotFound
from cellcommons.exports import export_release
from cellcommons.folder import ReleaseFolder
from cellcommons.images.data import ImageData
from cellcommons.images.lazy import LazyImage
from cellcommons.images.ome_zarr import read_image_tree, write_image, write_labels
from cellcommons.images.readers import read_image
from cellcommons.images.shards import Codec
from cellcommons.images.streaming import stream_to_store
from cellcommons.images.windows import parse_roi
from cellcommons.indexes import CellRow, ReleaseItem
from cellcommons.labels import cells
from cellcommons.partial import PartialRelease
from cellcommons.release import Release
from cellcommons.selection import Selection
from cellcommons.store import FolderStore, object_path

CHANNELS, HEIGHT, WIDTH = ("DNA", "actin", "tubulin"), 700, 1100
ROI = "300:420,600:900"
INSIDE = slice(300, 420), slice(600, 900)


def item_in(store: FolderStore, number: int) -> ReleaseItem:
    """Noise, which no codec makes smaller, in 15 chunks a channel; and labels of 2 x 2 pixels that are as large."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(1, 60_000, (3, HEIGHT, WIDTH), dtype=np.uint16)
    labels = np.kron(rng.permutation(350 * 550).reshape(350, 550) + 1, np.ones((2, 2))).astype(np.uint32)
    labels[:2, :2] = 0
    few = list(cells(labels[:8, :8]))
    return ReleaseItem(
        image=f"image-{number}",
        name=f"field {number}.tif",
        tree=write_image(store, ImageData(pixels, "cyx", CHANNELS)).digest,
        labels=write_labels(store, labels).digest,
        split="train",
        source=f"source-{number}",
        stratum="noise",
        channels=CHANNELS,
        height=HEIGHT,
        width=WIDTH,
        cells=tuple(CellRow(c.id, c.box, c.area) for c in few),
    )


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    store = FolderStore(tmp_path_factory.mktemp("hub"))
    return seal(store, [item_in(store, n) for n in range(2)])


@pytest.fixture
def hub(release: Release) -> Iterator[Hub]:
    with serving(release) as hub:
        yield hub


def downloaded(address: str, folder: Path, **wanted: object) -> PartialRelease:
    Client(address).download("lab/noise@1", folder, DownloadSettings(selection=Selection(**wanted)))
    ReleaseFolder(folder).verify()
    part = cellcommons.load(folder)
    assert isinstance(part, PartialRelease)
    return part


def object_bytes(release: Release) -> int:
    return sum(size for _, size in release.objects())


def agrees(part: PartialRelease, release: Release, chosen: list[int], inside: tuple[slice, slice]) -> None:
    for item in part.items():
        image, whole = part.image(item), release.image(item)
        assert image.channels == tuple(CHANNELS[c] for c in chosen)
        np.testing.assert_array_equal(image.data, whole.data[chosen][(slice(None), *inside)])
        np.testing.assert_array_equal(part.labels(item), release.labels(item)[inside])
        np.testing.assert_array_equal(part.reading(item).labels, part.labels(item))


def test_a_region_of_a_channel_moves_its_chunks_alone(hub: Hub, release: Release, tmp_path: Path) -> None:
    part = downloaded(hub.address, tmp_path / "part", channels=("actin",), roi=ROI)
    agrees(part, release, [1], INSIDE)
    item = next(part.items())
    assert part.offset(item) == {"y": 300, "x": 600}
    assert part.image(item).metadata["part"] == {
        "offset": {"y": 300, "x": 600}, "of": {"y": HEIGHT, "x": WIDTH}, "channels": ["actin"],
    }  # fmt: skip
    # 2 of 45 chunks of the image, 2 of 15 of the labels, at full resolution; the rest is coarser levels and listings.
    image = sum(hub.served[e.sha256] for e in release.tree(item.tree).entries)
    labels = sum(hub.served[e.sha256] for e in release.tree(item.labels).entries)
    assert image < release.tree(item.tree).size * 0.12
    assert labels < release.tree(item.labels).size * 0.45
    told = json.loads((tmp_path / "part" / "partial.json").read_bytes())
    assert (told["channels"], told["region"]) == (["actin"], {"y": [300, 420], "x": [600, 900]})
    assert told["manifest_sha256"] == release.digest


@pytest.mark.parametrize("level", [1, 2])
def test_coarse_levels_are_cut_to_what_the_region_covers(
    hub: Hub, release: Release, tmp_path: Path, level: int
) -> None:
    part = downloaded(hub.address, tmp_path / "part", roi=ROI)
    item, step = next(part.items()), 1 << level
    found, whole = part.image(item, level), release.image(item, level)
    inside = slice(300 // step, -(-420 // step)), slice(600 // step, -(-900 // step))
    np.testing.assert_array_equal(found.data, whole.data[(slice(None), *inside)])
    assert found.metadata["part"]["offset"] == part.offset(item, level) == {"y": 300 // step, "x": 600 // step}
    lazy = part.lazy(item, level)
    np.testing.assert_array_equal(lazy.region((slice(1, 3), slice(5, 9), slice(2, 4))), found.data[1:3, 5:9, 2:4])


def test_a_channel_alone_leaves_the_labels_whole(hub: Hub, release: Release, tmp_path: Path) -> None:
    part = downloaded(hub.address, tmp_path / "part", channels=("tubulin", "DNA"))
    agrees(part, release, [0, 2], (slice(None), slice(None)))
    item = next(part.items())
    assert part.trees(item)[1] == ("labels", item.labels)
    moved = sum(hub.served[e.sha256] for e in release.tree(item.tree).entries)
    assert moved < release.tree(item.tree).size * 0.7


def test_what_lies_on_the_disk_is_ome_zarr_of_the_whole_shape(hub: Hub, release: Release, tmp_path: Path) -> None:
    part = downloaded(hub.address, tmp_path / "part", channels=("DNA",), roi=ROI)
    item = next(part.items())
    folder = tmp_path / "part" / "images" / f"{item.path}.zarr"
    pixels = zarr.open_group(folder, mode="r")["0"]
    assert pixels.shape == (3, HEIGHT, WIDTH)
    np.testing.assert_array_equal(pixels[(0, *INSIDE)], release.image(item).data[(0, *INSIDE)])
    assert not pixels[1].any()
    # Our own reader of a folder knows from its root document that this is a part.
    read = read_image(folder)
    assert read.channels == ("DNA",)
    np.testing.assert_array_equal(read.data[0], release.image(item).data[(0, *INSIDE)])
    assert read.metadata["part"]["offset"] == {"y": 300, "x": 600}


@pytest.mark.parametrize("host", ["folder", "static", "without ranges"])
def test_static_files_serve_it_too(hub: Hub, release: Release, tmp_path: Path, host: str) -> None:
    address = f"{hub.address}/static/"
    if host == "folder":
        (tmp_path / "mirror").mkdir()
        (tmp_path / "mirror" / "objects").symlink_to(release.store.root / "objects")
        (tmp_path / "mirror" / "manifest.json").write_bytes(release.manifest.to_bytes())
        address = str(tmp_path / "mirror")
    hub.ranges = host != "without ranges"
    part = downloaded(address, tmp_path / "part", channels=("actin",), roi=ROI)
    agrees(part, release, [1], INSIDE)
    # A host without ranges sends whole objects, which are kept, and checked by their own sha256.
    assert (part.check_cuts() == 0) is (host == "without ranges")


def test_asked_again_it_moves_nothing_and_sync_keeps_it(hub: Hub, release: Release, tmp_path: Path, capsys) -> None:
    folder, settings = tmp_path / "part", DownloadSettings(selection=Selection(channels=("actin",), roi=ROI))
    first = Client(hub.address).download("lab/noise@1", folder, settings)
    again = Client(hub.address).download("lab/noise@1", folder, settings)
    assert (again.fetched, again.bytes) == (0, first.bytes)
    fresh = item_in(release.store, 7)
    hub.release = second = seal(release.store, [*release.items(), fresh], parent=release.digest)
    hub.served.clear()
    assert main(["sync", str(folder), "--dry-run", "--json"]) == 1
    plan = json.loads(capsys.readouterr().out.splitlines()[-1])
    hub.served.clear()
    done = Client(hub.address).sync(folder)
    assert done.selection == f"channels actin, region {ROI}"
    assert done.changes == "1 image added"
    assert done.fetched == sum(hub.served.values()) == pytest.approx(plan["bytes_to_move"], rel=0.3)
    assert all(
        hub.served[e.sha256] == 0 for i in release.items() for e in release.tree(i.tree).entries if e.size > 9999
    )
    part = cellcommons.load(folder)
    agrees(part, second, [1], INSIDE)
    assert ReleaseFolder(folder).verify().digest == second.digest
    # Another part of the same, and then all of it.
    assert main(["sync", str(folder), "--channel", "DNA", "--json"]) == 0
    agrees(cellcommons.load(folder), second, [0], INSIDE)
    Client(hub.address).download("lab/noise@1.1", folder)
    assert cellcommons.load(folder).verify() == second.counted()
    assert not (folder / "partial.json").exists()


def test_cut_off_it_goes_on_with_the_shards_it_lacks(hub: Hub, release: Release, tmp_path: Path) -> None:
    items = list(release.items())
    largest = max(release.tree(items[1].tree).entries, key=lambda e: e.size).sha256
    hub.gone = {largest}
    settings = DownloadSettings(jobs=1, selection=Selection(channels=("actin",), roi=ROI))
    with pytest.raises(NotFound):
        Client(hub.address, attempts=1).download("lab/noise@1", tmp_path / "part", settings)
    assert not (tmp_path / "part" / "release.json").exists()
    before, hub.gone = +hub.served, set()
    Client(hub.address).download("lab/noise@1", tmp_path / "part", settings)
    big = max(release.tree(items[0].tree).entries, key=lambda e: e.size).sha256
    assert hub.served[big] == before[big] > 0
    agrees(cellcommons.load(tmp_path / "part"), release, [1], INSIDE)


def test_a_flipped_bit_on_the_way_or_on_the_disk_is_named(hub: Hub, release: Release, tmp_path: Path, capsys) -> None:
    item = next(release.items())
    shard = max(release.tree(item.tree).entries, key=lambda e: e.size)
    hub.flip = {shard.sha256}  # the middle of the file: a chunk of actin
    command = ["download", "lab/noise@1", str(tmp_path / "part"), "--hub", hub.address, "--channel", "actin"]
    assert main(command) == 1
    assert f"{item.path}, {shard.path} is damaged" in capsys.readouterr().err
    hub.flip = set()
    assert main(command) == 0
    assert main(["verify", str(tmp_path / "part"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["cut_shards"] > 0
    assert "when they came" in told["cut_shards_checked"]
    part = cellcommons.load(tmp_path / "part")
    cut = max(part.tree(part.trees(item)[0][1]).entries, key=lambda e: e.size)
    victim = tmp_path / "part" / ".cellcommons" / object_path(cut.sha256)
    data = bytearray(victim.read_bytes())
    data[len(data) // 3] ^= 4
    overwrite(victim, bytes(data))
    with pytest.raises(DigestMismatch, match=r"image .*, file 0/c/0/0/0"):
        ReleaseFolder(tmp_path / "part").verify()
    assert main([*command, "--repair"]) == 0
    ReleaseFolder(tmp_path / "part").verify()


def test_partial_json_is_checked_too(hub: Hub, tmp_path: Path) -> None:
    downloaded(hub.address, tmp_path / "part", roi=ROI)
    file = tmp_path / "part" / "partial.json"
    overwrite(file, file.read_bytes().replace(b"no data", b"at data"))
    with pytest.raises(DigestMismatch, match=r"partial\.json"):
        ReleaseFolder(tmp_path / "part").verify()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--channel", "DAPI"], "no channel 'DAPI'; there are DNA, actin, tubulin"),
        (
            ["--roi", "600:701,0:10"],
            "field 0.tif: the region y=600:701 lies outside the image, which is 700 (y) x 1100",
        ),
        (["--roi", "0:10,5:5"], "the region is empty along x"),
        (["--roi", "z=0:1,0:10,0:10"], "field 0.tif: the region z=0:1 lies outside the image, which is 700 (y) x 1100"),
        (["--roi", "0:10"], "the region names rows and no columns"),
        (["--roi", "ten:20,0:5"], "the region cannot be read"),
        (["--roi=-1:20,0:5"], "the region cannot be read"),
        (["--roi", "y=0:5,0:5,0:5"], "the region cannot be read"),
    ],
)
def test_what_is_not_there_is_refused_and_leaves_nothing(
    hub: Hub, tmp_path: Path, capsys, options: list[str], said: str
) -> None:
    folder = tmp_path / "part"
    assert main(["download", "lab/noise@1", str(folder), "--hub", hub.address, *options]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert said in told[0]
    assert not folder.exists()


def test_opened_where_it_lies_it_gives_the_part_and_moves_its_chunks(
    hub: Hub, release: Release, tmp_path: Path
) -> None:
    wanted = Selection(channels=("tubulin",), roi=ROI)
    part = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path, selection=wanted, whole=1000)
    assert isinstance(part, PartialRelease)
    agrees(part, release, [2], INSIDE)
    item = next(part.items())
    assert sum(hub.served[e.sha256] for e in release.tree(item.tree).entries) < release.tree(item.tree).size * 0.2
    unfit = Selection(roi="0:10,0:2000")
    beyond = cellcommons.open("lab/noise@1", hub=hub.address, cache=tmp_path, selection=unfit)
    with pytest.raises(BadSelection, match="field 0"):
        list(beyond.items())


def test_what_needs_whole_images_says_so(hub: Hub, tmp_path: Path) -> None:
    part = downloaded(hub.address, tmp_path / "part", roi=ROI)
    with pytest.raises(InvalidDocument, match="whole images"):
        Crops(part, "train")
    with pytest.raises(InvalidDocument, match="whole images"):
        export_release(part, tmp_path / "out", layout="coco")
    assert main(["diff", str(tmp_path / "part"), str(tmp_path / "part")]) == 2
    with pytest.raises(CellCommonsError):  # the published tree is not here, and nothing poses as it
        read_image_tree(part.store, next(part.items()).tree)


@pytest.mark.parametrize("task", ["tracking", "augmented", "classification", "semantic_segmentation"])
def test_every_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    monkeypatch.setattr(cut_trees, "WHOLE", 0)
    whole = small_release(FolderStore(tmp_path / "hub"), task, size=96)
    frames = "t=2:5," if task == "tracking" else ""
    with serving(whole) as hub:
        wanted = DownloadSettings(selection=Selection(roi=f"{frames}8:40,16:64"))
        Client(hub.address).download(f"{whole.manifest.dataset}@1", tmp_path / "part", wanted)
        ReleaseFolder(tmp_path / "part").verify()
    part = cellcommons.load(tmp_path / "part")
    item = next(part.items())
    pixels, inside = whole.image(item).data, (..., slice(8, 40), slice(16, 64))
    np.testing.assert_array_equal(part.image(item).data, (pixels[2:5] if frames else pixels)[inside])
    assert (part.check_cuts() > 0) is bool(frames)
    if task == "tracking":
        np.testing.assert_array_equal(part.movie(item).data, whole.movie(item).data)
    if task == "augmented":
        np.testing.assert_array_equal(part.target(item).data, whole.target(item).data[inside])
    found, full = part.reading(item), whole.reading(item)
    assert found.values == full.values
    if full.raster is not None:
        np.testing.assert_array_equal(found.raster, full.raster[inside])


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
@pytest.mark.parametrize("roi", ["z=1:3,10:300,400:1700", "500:501,1799:1800", "z=0:1,0:20,0:20", "z=2:4"])
def test_an_image_of_many_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: Codec, roi: str) -> None:
    monkeypatch.setattr(cut_trees, "WHOLE", 0)
    store = FolderStore(tmp_path / "hub")
    pixels = np.random.default_rng(0).integers(0, 250, (2, 4, 520, 1800), dtype=np.uint8)
    image = ImageData(pixels, "czyx", ("DNA", "actin"))
    lazy = LazyImage("", image, lambda region: pixels[region], (1, 1, 100, 200))
    tree = stream_to_store(lazy, store, part_bytes=300_000, codec=codec).digest
    labels = write_labels(store, np.ones((520, 1800), np.uint32)).digest
    item = replace(
        item_in(store, 0), tree=tree, labels=labels, height=520, width=1800, channels=image.channels, cells=()
    )
    whole = seal(store, [item])
    with serving(whole) as hub:
        part = downloaded(hub.address, tmp_path / "part", roi=roi, channels=("actin",))
        assert sum(hub.served[e.sha256] for e in whole.tree(tree).entries) < whole.tree(tree).size * 0.6
    window = Selection(roi=roi, channels=("actin",)).window("image")
    for level in range(3):
        full = whole.image(item, level)
        places = window.places("czyx", full.data.shape, image.channels, level)
        np.testing.assert_array_equal(part.image(item, level).data, full.data[np.ix_(*places)])


def test_ranges_of_frames_and_planes_are_named() -> None:
    assert parse_roi("t=0:10, z=3:8,5:6,7:9") == {"t": range(10), "z": range(3, 8), "y": range(5, 6), "x": range(7, 9)}
    assert parse_roi("z=0:1") == {"z": range(1)}
