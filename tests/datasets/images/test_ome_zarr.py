"""Images and labels as OME-Zarr trees: nothing lost, valid by the specification, equal input equal digest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ome_zarr_models.v05 import Image, ImageLabel

from cellcommons.axes import PixelSize
from cellcommons.errors import DigestMismatch, InvalidDocument, NotFound
from cellcommons.images.data import DTYPES, ImageData, PlatePosition, Wavelengths
from cellcommons.images.ome_zarr import read_image_tree, read_labels, write_image, write_labels
from cellcommons.images.pyramid import halve_mean
from cellcommons.images.tree_document import own_facts
from cellcommons.images.tree_store import TreeStore
from cellcommons.store import FolderStore, object_path
from cellcommons.tree import Tree

AXES = ["cyx", "czyx", "tcyx", "tczyx"]
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def picture(shape: tuple[int, ...], dtype: str = "uint16", axes: str = "cyx") -> ImageData:
    data = np.random.default_rng(0).integers(0, 120, shape).astype(dtype)
    names = tuple(f"stain {i}" for i in range(shape[axes.index("c")]))
    return ImageData(data, axes, names, PixelSize(y=0.5, x=0.25))


def group(store: FolderStore, tree: Tree) -> zarr.Group:
    return zarr.open_group(TreeStore(store, tree), mode="r")


sizes = st.one_of(st.none(), st.floats(1e-3, 1e3))


@st.composite
def images(draw: st.DrawFn) -> ImageData:
    axes = draw(st.sampled_from(AXES))
    small = [draw(st.integers(1, 3)) for _ in axes[:-2]]
    shape = (*small, draw(st.sampled_from([1, 2, 37, 256, 257, 300])), draw(st.sampled_from([1, 3, 255, 256, 513])))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    values = st.floats(width=32, allow_nan=True) if dtype.kind == "f" else hnp.from_dtype(dtype)
    data = np.resize(draw(hnp.arrays(dtype, 17, elements=values)), shape)
    count = shape[axes.index("c")]
    names = tuple(draw(st.lists(st.text(max_size=5), min_size=count, max_size=count)))
    light = st.builds(Wavelengths, sizes, sizes)
    return ImageData(
        data,
        axes,
        names,
        PixelSize(draw(sizes), draw(sizes), draw(sizes)),
        rgb=count == 3 and draw(st.booleans()),
        metadata=draw(
            st.dictionaries(st.text(max_size=4), st.one_of(st.integers(-9, 9), st.text(max_size=4)), max_size=3)
        ),
        wavelengths=tuple(draw(st.lists(light, min_size=count, max_size=count))),
        seconds_per_frame=draw(sizes),
        position=draw(
            st.none()
            | st.builds(
                PlatePosition,
                st.from_regex(r"[A-Z]{1,2}", fullmatch=True),
                st.integers(1, 48),
                st.none() | st.integers(1, 9),
                st.text(max_size=4),
            )
        ),
    )


@SETTINGS
@given(image=images())
def test_an_image_comes_back_as_it_was(store: FolderStore, image: ImageData) -> None:
    tree = write_image(store, image)
    back = read_image_tree(store, tree.digest)
    assert back.data.dtype == image.data.dtype
    assert back.data.tobytes() == np.ascontiguousarray(image.data).tobytes()
    assert (back.axes, back.channels, back.rgb) == (image.axes, image.channels, image.rgb)
    assert (back.pixel_size, back.metadata) == (image.pixel_size, image.metadata)
    assert (back.wavelengths, back.position) == (image.wavelengths, image.position)
    assert back.seconds_per_frame == image.seconds_per_frame
    assert write_image(store, image).digest == tree.digest


@SETTINGS
@given(
    values=hnp.arrays(np.uint32, 23, elements=st.integers(0, 2**32 - 1)),
    shape=st.tuples(st.sampled_from([1, 5, 256, 300, 530]), st.sampled_from([1, 7, 257, 512])),
)
def test_labels_come_back_as_they_were(store: FolderStore, values: np.ndarray, shape: tuple[int, int]) -> None:
    labels = np.resize(values, shape)
    tree = write_labels(store, labels, PixelSize(y=0.5, x=0.5), metadata={"by": "test"})
    assert np.array_equal(read_labels(store, tree.digest), labels)
    assert write_labels(store, labels, PixelSize(y=0.5, x=0.5), metadata={"by": "test"}).digest == tree.digest
    ids = set(np.unique(labels))
    for _, array in group(store, tree).arrays():
        assert set(np.unique(array[...])) <= ids


@pytest.mark.parametrize("axes", AXES)
def test_an_image_tree_is_valid_ome_zarr(store: FolderStore, axes: str) -> None:
    shape = {"t": 2, "c": 3, "z": 4, "y": 600, "x": 301}
    image = picture(tuple(shape[a] for a in axes), "uint8", axes)
    opened = group(store, write_image(store, image))
    model = Image.from_zarr(opened)
    levels = model.attributes.ome.multiscales[0].datasets
    assert len(levels) == 3
    assert opened["2"].shape[-2:] == (150, 76)
    omero = opened.attrs["ome"]["omero"]["channels"]
    assert [c["label"] for c in omero] == ["stain 0", "stain 1", "stain 2"]
    assert all(c["window"]["min"] <= c["window"]["start"] < c["window"]["end"] <= c["window"]["max"] for c in omero)


def test_a_label_tree_is_valid_ome_zarr(store: FolderStore) -> None:
    labels = np.random.default_rng(0).integers(0, 9, (600, 301)).astype(np.uint32)
    opened = group(store, write_labels(store, labels))
    ImageLabel.from_zarr(opened)
    assert "image-label" in opened.attrs["ome"]
    assert np.array_equal(opened["1"][...], labels[::2, ::2])


def test_levels_are_means_and_scales_and_shifts_say_where_they_lie(store: FolderStore) -> None:
    image = picture((2, 301, 520))
    tree = write_image(store, image)
    level = read_image_tree(store, tree.digest, level=1)
    padded = np.pad(image.data, ((0, 0), (0, 1), (0, 0)), mode="edge").astype(float)
    wanted = np.floor(padded.reshape(2, 151, 2, 260, 2).mean(axis=(2, 4)) + 0.5)
    assert np.array_equal(level.data, wanted)
    assert level.pixel_size == PixelSize(y=1.0, x=0.5)
    transforms = group(store, tree).attrs["ome"]["multiscales"][0]["datasets"][1]["coordinateTransformations"]
    assert transforms[1] == {"type": "translation", "translation": [0.0, 0.25, 0.125]}


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mean_never_overflows(dtype: str) -> None:
    top = np.finfo(dtype).max / 8 if dtype.startswith("float") else np.iinfo(dtype).max
    data = np.full((1, 4, 6), top, dtype=dtype)
    assert np.array_equal(halve_mean(data), data[:, ::2, ::2])


def test_nan_does_not_spread_through_levels() -> None:
    data = np.ones((1, 2, 4), dtype=np.float32)
    data[0, 0, 0] = np.nan
    data[0, :, 2:] = np.nan
    assert halve_mean(data)[0, 0, 0] == 1
    assert np.isnan(halve_mean(data)[0, 0, 1])


@pytest.mark.parametrize("fill", [np.nan, np.inf])
def test_an_image_without_a_finite_value_still_has_a_window(store: FolderStore, fill: float) -> None:
    image = ImageData(np.full((1, 5, 5), fill, np.float32), "cyx", ("a",))
    tree = write_image(store, image)
    assert np.array_equal(read_image_tree(store, tree.digest).data, image.data, equal_nan=True)


def test_a_small_image_takes_three_files_and_unknown_sizes_carry_no_unit(store: FolderStore) -> None:
    tree = write_image(store, ImageData(np.ones((1, 256, 256), np.uint8), "cyx", ("a",)))
    assert [e.path for e in tree.entries] == ["0/c/0/0/0", "0/zarr.json", "zarr.json"]
    axes = group(store, tree).attrs["ome"]["multiscales"][0]["axes"]
    assert not any("unit" in axis for axis in axes)


def test_light_time_and_place_are_kept_where_they_are_known(store: FolderStore) -> None:
    image = picture((3, 2, 40, 30), axes="tcyx")
    known = replace(
        image,
        wavelengths=(Wavelengths(358, 461), Wavelengths(None, 670)),
        seconds_per_frame=0.25,
        position=PlatePosition("B", 7, 2, "screen"),
    )
    opened = group(store, write_image(store, known))
    Image.from_zarr(opened)
    scales = opened.attrs["ome"]["multiscales"][0]
    assert scales["axes"][0] == {"name": "t", "type": "time", "unit": "second"}
    assert scales["datasets"][0]["coordinateTransformations"][0]["scale"][0] == 0.25
    assert opened.attrs["cellcommons"]["wavelengths_nm"][1] == {"excitation": None, "emission": 670}
    assert opened.attrs["cellcommons"]["position"] == {"plate": "screen", "row": "B", "column": 7, "field": 2}
    silent = group(store, write_image(store, image))
    assert silent.attrs["cellcommons"].keys() == {"rgb", "metadata"}
    assert "unit" not in silent.attrs["ome"]["multiscales"][0]["axes"][0]


@pytest.mark.parametrize("own", [None, 7, {"wavelengths_nm": [3, 4]}, {"position": {"row": 1}}, {"metadata": []}])
def test_what_is_damaged_beside_the_pixels_is_unknown(own: object) -> None:
    found = own_facts({"cellcommons": own}, 2)
    assert found == {"rgb": False, "metadata": {}, "wavelengths": (), "position": None}


def test_empty_planes_cost_nothing(store: FolderStore) -> None:
    tree = write_labels(store, np.zeros((2000, 2000), np.uint32))
    assert tree.size < 10_000
    assert not read_labels(store, tree.digest).any()


def test_a_tree_store_reads_ranges_and_never_writes(store: FolderStore) -> None:
    tree = write_image(store, picture((3, 700, 700)))
    array = zarr.open_array(TreeStore(store, tree), path="0", mode="r")
    assert np.array_equal(array[1, 300:310, 5:9], picture((3, 700, 700)).data[1, 300:310, 5:9])
    reader = TreeStore(store, tree)
    assert reader.read("nothing") is None
    with pytest.raises((ValueError, PermissionError)):
        zarr.open_group(reader, mode="w")
    with pytest.raises((ValueError, PermissionError)):
        zarr.open_array(reader, path="0", mode="r+")[0, 0, 0] = 1


def test_one_plane_of_a_large_stack_reads_little(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = write_image(store, picture((6, 512, 512)))
    read: list[int] = []
    plain = TreeStore.read

    def counted(self: TreeStore, key: str, byte_range: object = None) -> bytes | None:
        data = plain(self, key, byte_range)  # type: ignore[arg-type]
        read.append(len(data or b""))
        return data

    monkeypatch.setattr(TreeStore, "read", counted)
    zarr.open_array(TreeStore(store, tree), path="0", mode="r")[2]
    assert sum(read) < tree.entry("0/c/0/0/0").size / 3


def test_damage_absence_and_wrong_trees_are_named(store: FolderStore) -> None:
    tree = write_image(store, picture((1, 40, 40)))
    with pytest.raises(NotFound, match=r"levels 0\.\.0"):
        read_image_tree(store, tree.digest, level=1)
    with pytest.raises(NotFound):
        read_image_tree(store, "0" * 64)
    with pytest.raises(InvalidDocument, match="no label map"):
        read_labels(store, tree.digest)
    with pytest.raises(InvalidDocument):
        read_image_tree(store, write_labels(store, np.ones((4, 4), np.uint32)).digest)
    path = store.root / object_path(tree.entry("0/c/0/0/0").sha256)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(DigestMismatch):
        read_image_tree(store, tree.digest)


def test_the_shard_is_what_zarr_itself_would_read_and_write(store: FolderStore, tmp_path: Path) -> None:
    """Another writer's bytes (zarr's own codec, given our metadata) hold the same pixels."""
    image = picture((2, 300, 280))
    tree = write_image(store, image)
    tree.materialise(store, tmp_path / "ours")
    array = zarr.open_array(tmp_path / "ours" / "0", mode="r+")
    before = array[...]
    array[...] = before
    assert np.array_equal(zarr.open_array(tmp_path / "ours" / "0", mode="r")[...], image.data)
    assert json.loads((tmp_path / "ours/0/zarr.json").read_bytes())["dimension_names"] == ["c", "y", "x"]


def test_image_data_refuses_what_it_cannot_mean() -> None:
    plane = np.zeros((4, 4), np.uint8)
    for data, axes, names in (
        (plane, "yx", ()),
        (plane[None], "xyc", ("a",)),
        (plane[None], "cyx", ("a", "b")),
        (plane[None][:, :0], "cyx", ("a",)),
        (plane[None].astype(complex), "cyx", ("a",)),
    ):
        with pytest.raises(InvalidDocument):
            ImageData(data, axes, names)
    with pytest.raises(InvalidDocument, match="3 channels"):
        ImageData(plane[None], "cyx", ("a",), rgb=True)
    image = ImageData(np.arange(24).reshape(2, 3, 2, 2).astype(np.uint8), "czyx", ("a", "b"))
    assert image.plane(c=1, z=2).tolist() == [[20, 21], [22, 23]]
    with pytest.raises(IndexError):
        image.plane(t=1)
