"""Streamed OME-Zarr: the same pixels and documents as in memory, whatever the parts, in bounded memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamed
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_zarr_models.v05 import Image, ImageLabel
from streamed import lazily, picture

from cellcommons.errors import InvalidDocument, UnreadableFile
from cellcommons.images.data import ImageData
from cellcommons.images.limits import DEFAULT_LIMITS
from cellcommons.images.ome_zarr import open_image_tree, read_image_tree, read_label_stack, write_image, write_labels
from cellcommons.images.shard_plan import halved, level_count, plan_stages
from cellcommons.images.shards import chunk_shape
from cellcommons.images.streaming import stream_to_folder, stream_to_store
from cellcommons.images.tiff import open_tiff
from cellcommons.store import FolderStore
from cellcommons.tree import Tree

SHAPES = [
    ("cyx", (3, 300, 517)),
    ("czyx", (1, 3, 257, 600)),
    ("tczyx", (2, 2, 2, 90, 1030)),
    ("tcyx", (5, 1, 700, 601)),
    ("cyx", (1, 520, 5000)),
    ("cyx", (1, 5000, 513)),
]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "objects")


def document(store: FolderStore, tree: Tree) -> bytes:
    return store.get(tree.entry("zarr.json").sha256)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
@pytest.mark.parametrize(("axes", "shape"), SHAPES)
def test_one_part_is_the_tree_that_is_written_from_memory(
    store: FolderStore, axes: str, shape: tuple[int, ...], dtype: str
) -> None:
    image = picture(axes, shape, dtype)
    assert stream_to_store(lazily(image), store).digest == write_image(store, image).digest


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("part", [40_000, 300_000, 1 << 20])
@pytest.mark.parametrize(("axes", "shape"), SHAPES)
def test_parts_of_any_size_give_the_same_pixels_and_the_same_document(
    store: FolderStore, axes: str, shape: tuple[int, ...], part: int, tiled: bool
) -> None:
    image = picture(axes, shape)
    whole = write_image(store, image)
    chunk = tuple(min(n, k) for n, k in zip(shape, (1,) * (len(shape) - 2) + (100, 120), strict=True))
    tree = stream_to_store(lazily(image, chunk if tiled else None), store, part_bytes=part)
    assert (len(tree.entries) > len(whole.entries)) == (image.data.nbytes > part)
    assert document(store, tree) == document(store, whole)
    for level in range(level_count(shape)):
        found, wanted = read_image_tree(store, tree.digest, level), read_image_tree(store, whole.digest, level)
        assert np.array_equal(found.data, wanted.data), level
        assert found.pixel_size == wanted.pixel_size
    assert (found.wavelengths, found.position, found.seconds_per_frame) == (
        image.wavelengths,
        image.position,
        image.seconds_per_frame if "t" in axes else None,
    )


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_folder_is_valid_and_any_reader_opens_it(tmp_path: Path, codec: str) -> None:
    image = picture("czyx", (2, 3, 700, 610))
    stream_to_folder(lazily(image), tmp_path / "a.zarr", codec=codec, part_bytes=1 << 20)  # type: ignore[arg-type]
    assert {p.name for p in (tmp_path / "a.zarr").iterdir()} == {"zarr.json", "0", "1", "2"}
    opened = zarr.open_group(tmp_path / "a.zarr", mode="r")
    levels = Image.from_zarr(opened).attributes.ome.multiscales[0].datasets
    assert [level.path for level in levels] == ["0", "1", "2"]
    assert np.array_equal(opened["0"][...], image.data)
    assert opened["0"].shards is not None
    assert opened["2"].shape == (2, 3, 175, 153)


@pytest.mark.parametrize("axes", ["yx", "tyx", "zyx"])
def test_labels_are_never_blended(store: FolderStore, tmp_path: Path, axes: str) -> None:
    ids = np.random.default_rng(0).integers(0, 2**32, (3, 600, 530), dtype=np.uint32)[: len(axes) * 3 - 5]
    ids = ids[0] if axes == "yx" else ids
    shaped = ids[None] if axes[0] != "t" else ids[:, None]
    image = ImageData(shaped, axes.replace("t", "").join(("tc" if axes[0] == "t" else "c", "")), ("ids",))
    part = 200_000
    stream_to_folder(lazily(image), tmp_path / "a.zarr", kind="labels", part_bytes=part)
    opened = zarr.open_group(tmp_path / "a.zarr", mode="r")
    ImageLabel.from_zarr(opened)
    assert [axis["name"] for axis in opened.attrs["ome"]["multiscales"][0]["axes"]] == list(axes)
    for level in range(3):
        step = 1 << level
        assert np.array_equal(opened[str(level)][...], ids[..., ::step, ::step])
    if axes == "yx":
        assert stream_to_store(lazily(image), store, kind="labels").digest == write_labels(store, ids).digest
    if axes != "zyx":
        assert np.array_equal(read_label_stack(store, stream_to_store(lazily(image), store, kind="labels").digest), ids)


@pytest.mark.parametrize(
    "data", [np.full((1, 9, 9), -1, np.int16), np.zeros((1, 9, 9), np.float32), np.zeros((2, 9, 9), np.uint8)]
)
def test_what_is_no_label_map_is_refused(tmp_path: Path, data: np.ndarray) -> None:
    image = ImageData(data, "cyx", ("a", "b")[: len(data)])
    with pytest.raises(InvalidDocument, match=r"label map"):
        stream_to_folder(lazily(image), tmp_path / "a.zarr", kind="labels")
    assert not (tmp_path / "a.zarr" / "zarr.json").exists()


def test_nan_is_counted_and_nothing_but_nan_is_refused(store: FolderStore, tmp_path: Path) -> None:
    image = picture("tcyx", (4, 1, 300, 300), "float32")
    image.data[1, 0, 5:9, 7], image.data[3, 0, 0, 0] = np.nan, np.inf
    noted = replace(image, metadata={**image.metadata, "nonfinite_pixels": 5})
    tree = stream_to_store(lazily(image), store, part_bytes=300 * 300 * 4)
    assert document(store, tree) == document(store, write_image(store, noted))
    image.data[:] = np.nan
    with pytest.raises(UnreadableFile, match="NaN"):
        stream_to_folder(lazily(image), tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr" / "zarr.json").exists()


def test_a_tiff_goes_through_without_being_loaded(tmp_path: Path, store: FolderStore) -> None:
    data = np.random.default_rng(0).integers(0, 4000, (5, 2, 400, 300)).astype(np.uint16)
    metadata = {"axes": "TCYX", "Channel": {"Name": ["a", "b"]}, "TimeIncrement": 3.0, "PhysicalSizeX": 0.5}
    tifffile.imwrite(tmp_path / "a.ome.tif", data, metadata=metadata, compression="zlib", rowsperstrip=64)
    with open_tiff(tmp_path / "a.ome.tif", "a.ome.tif", DEFAULT_LIMITS) as file:
        tree = stream_to_store(file.image(), store, part_bytes=1 << 20)
        assert document(store, tree) == document(store, write_image(store, file.image().load()))
    assert np.array_equal(read_image_tree(store, tree.digest).data, data)


def test_a_tree_is_read_back_region_by_region(store: FolderStore) -> None:
    image = picture("tcyx", (6, 2, 300, 290))
    tree = stream_to_store(lazily(image), store, part_bytes=1 << 19)
    lazy = open_image_tree(store, tree.digest)
    region = (slice(1, 5), slice(1, 2), slice(250, 300), slice(0, 17))
    assert np.array_equal(lazy.region(region), image.data[region])
    assert lazy.facts.channels == image.channels
    again = lazy.load()
    assert (again.wavelengths, again.position, again.metadata) == (image.wavelengths, image.position, image.metadata)
    assert stream_to_store(lazy, store, part_bytes=1 << 19).digest == tree.digest
    small = open_image_tree(store, tree.digest, 1)
    assert (small.shape, small.facts.pixel_size.x) == ((6, 2, 150, 145), 0.8)


def test_a_slide_of_a_gigabyte_takes_bounded_memory(tmp_path: Path) -> None:
    run = [sys.executable, streamed.__file__, "slide", str(tmp_path / "a.zarr")]
    peak = int(subprocess.run(run, capture_output=True, text=True, check=True).stdout) / 1024
    assert peak < 450
    opened = zarr.open_group(tmp_path / "a.zarr", mode="r")
    corner = (slice(0, 1), slice(29_700, 30_000), slice(20_000, 20_100))
    assert np.array_equal(opened["0"][corner], streamed.drawn("cyx", (1, 30_000, 24_000)).region(corner))
    assert opened["7"].shape == (1, 235, 188)
    assert sum(1 for path in (tmp_path / "a.zarr").rglob("*") if path.is_file()) < 120


def test_planes_that_are_decoded_together_are_read_together(store: FolderStore) -> None:
    """A chunk of 64 planes is decoded once, not once a plane."""
    (stage, *_) = plan_stages((2, 200, 2048, 2048), (1, 64, 512, 512), 2)
    assert stage.part == (1, 64, 1024, 1024)
    asked: list[tuple[slice, ...]] = []
    image = picture("czyx", (1, 40, 600, 600))
    lazy = lazily(image, (1, 20, 300, 300))

    def fetch(region: tuple[slice, ...]) -> np.ndarray:
        asked.append(region)
        return lazy.fetch(region)

    stream_to_store(replace(lazy, fetch=fetch), store, part_bytes=16 << 20)
    assert all(r[1].start % 20 == 0 and (r[1].stop - r[1].start) % 20 == 0 for r in asked[2:])


axis = st.integers(1, 9)
sides = st.one_of(st.integers(1, 300), st.integers(1, 70_000))


@settings(max_examples=300, deadline=None)
@given(
    lead=st.tuples(axis, axis, st.integers(1, 3000)),
    plane=st.tuples(sides, sides),
    chunk=st.tuples(st.integers(1, 3), st.integers(1, 16), st.integers(1, 2000), st.integers(1, 70_000)),
    itemsize=st.sampled_from([1, 2, 4, 8]),
)
def test_a_plan_covers_every_level_with_parts_that_fit(
    lead: tuple[int, int, int], plane: tuple[int, int], chunk: tuple[int, int, int, int], itemsize: int
) -> None:
    shape = (*lead, *plane)
    chunk = (1, *(min(c, n) for c, n in zip(chunk, shape[1:], strict=True)))  # type: ignore[assignment]
    stages = plan_stages(shape, chunk, itemsize)
    levels = [level for stage in stages for level in range(stage.source + (0 if stage.first else 1), stage.last + 1)]
    assert levels == list(range(level_count(shape)))
    for stage in stages:
        assert stage.shape == halved(shape, stage.source)
        bytes_each = np.prod(stage.part, dtype=float) * itemsize
        # A row of chunks must fit at least, whatever its width.
        assert bytes_each <= max(128 << 20, 256 * stage.shape[-1] * itemsize)
        for level in range(stage.source, stage.last + 1):
            size = halved(shape, level)
            shard, small = stage.shard(level), chunk_shape(size)
            assert all(s % c == 0 for s, c in zip(shard, small, strict=True))
            step = halved(stage.part, level - stage.source)
            # The shards of a level begin where the parts do.
            for s, p, n in zip(shard, step, size, strict=True):
                assert s == p or p >= n
