"""GEFF: lineages as graphs, there and back, checked by rule and, where it is installed apart, by the geff package."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

from cellcommons.axes import PixelSize
from cellcommons.errors import (
    CannotCarry,
    CellCommonsError,
    InvalidDocument,
    MismatchedShapes,
    NotFound,
    UnknownLayout,
    UnreadableFile,
)
from cellcommons.images.data import ImageData
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.geff import Geff, geff_movie
from cellcommons.layouts.geff_writing import write_geff
from cellcommons.layouts.geff_zarr import read_geff
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.linked import linked_movie
from cellcommons.points import PointTracks
from cellcommons.synthetic.movies import generate_movie
from cellcommons.tracks import LabelMovie, Lineage


@pytest.fixture(scope="module")
def record() -> Record:
    movie = generate_movie(2, density="medium", frames=12, height=96, width=112)
    assert movie.truth.lineage.divisions
    image = ImageData(movie.image, "tcyx", movie.channels, movie.truth.pixel_size)
    return Record(Entry("dish", (), "dish"), image, movie.truth, Path("dish"))


@pytest.fixture
def store(record: Record, tmp_path: Path) -> Path:
    Geff().write([record], tmp_path / "out")
    return tmp_path / "out" / "dish.zarr"


def test_a_movie_comes_back_as_written(record: Record, store: Path) -> None:
    assert guess_layout(store.parent).name == guess_layout(store).name == "geff"
    scan = Geff().scan(store.parent)
    assert scan.skipped == ()
    again = Geff().read(scan.entries[0])
    assert isinstance(again.truth, LabelMovie)
    assert isinstance(record.truth, LabelMovie)
    assert again.truth.lineage == record.truth.lineage
    np.testing.assert_array_equal(again.truth.data, record.truth.data)
    np.testing.assert_array_equal(again.image.data, record.image.data)
    assert (again.truth.pixel_size, again.truth.seconds_per_frame) == (PixelSize(0.65, 0.65), 300.0)


def test_the_store_follows_the_specification(record: Record, store: Path) -> None:
    graph = zarr.open_group(store, mode="r")["tracks"]
    assert graph.metadata.zarr_format == 2
    said = graph.attrs["geff"]
    assert said["directed"] is True
    assert [axis["name"] for axis in said["axes"]] == ["t", "y", "x"]
    ids, edges = graph["nodes/ids"][...], graph["edges/ids"][...]
    assert ids.dtype == edges.dtype == np.uint64
    assert np.unique(ids).size == ids.size == len(record.truth.nodes())
    assert edges.shape == (len(record.truth.edges()), 2)
    assert np.isin(edges, ids).all()
    props = {name: graph[f"nodes/props/{name}/values"][...] for name in said["node_props_metadata"]}
    assert set(graph["nodes/props"].group_keys()) == set(props)
    for name, values in props.items():
        assert len(values) == ids.size
        assert said["node_props_metadata"][name] == {
            "identifier": name, "dtype": values.dtype.name, "varlength": False
        }  # fmt: skip
    rows = np.searchsorted(ids, edges)
    assert (props["t"][rows[:, 0]] < props["t"][rows[:, 1]]).all()
    assert (props["lineage"][rows[:, 0]] == props["lineage"][rows[:, 1]]).all()
    # A tracklet ends where its mother divides.
    single = np.bincount(rows[:, 0], minlength=ids.size)[rows[:, 0]] == 1
    same = props["tracklet"][rows[:, 0]] == props["tracklet"][rows[:, 1]]
    np.testing.assert_array_equal(same, single)
    masks = zarr.open_group(store, mode="r")["segmentation/0"][...]
    inside = masks[props["t"], np.rint(props["y"]).astype(int), np.rint(props["x"]).astype(int)] == props["seg_id"]
    assert inside.mean() > 0.95


def test_a_gap_is_one_tracklet_and_two_tracks(tmp_path: Path) -> None:
    data = np.zeros((4, 16, 16), dtype=np.uint32)
    data[[0, 1, 3], 4:8, 4:8] = 1
    movie = linked_movie(data, np.array([[0, 1, 1, 1], [1, 1, 3, 1]]))
    write_geff(movie, tmp_path / "gap.zarr")
    graph = read_geff(tmp_path / "gap.zarr")
    assert graph.props["tracklet"].tolist() == [1, 1, 1]
    assert graph.props["seg_id"].tolist() == [1, 1, 2]
    assert geff_movie(graph, movie.data).lineage == movie.lineage


def test_ids_that_start_anew_in_each_frame_are_tracks_too(record: Record, tmp_path: Path) -> None:
    """As other tools write them: masks numbered frame by frame, identity in the edges alone."""
    movie = record.truth
    write_geff(movie, tmp_path / "a.zarr", record.image)
    store = zarr.open_group(tmp_path / "a.zarr", mode="a")
    masks, ids = store["segmentation/0"][...], store["tracks/nodes/props/seg_id/values"][...]
    frame = store["tracks/nodes/props/t/values"][...]
    for t, labels in enumerate(masks):
        names = np.unique(labels[labels > 0])
        masks[t] = np.where(labels > 0, np.searchsorted(names, labels) + 1, 0)
        ids[frame == t] = np.searchsorted(names, ids[frame == t]) + 1
    store["segmentation/0"][...] = masks
    store["tracks/nodes/props/seg_id/values"][...] = ids
    again = Geff().read(Geff().scan(tmp_path).entries[0]).truth
    assert len(again.lineage.tracks) == len(movie.lineage.tracks)
    assert len(again.lineage.divisions) == len(movie.lineage.divisions)
    np.testing.assert_array_equal(again.data > 0, movie.data > 0)


def test_no_cells_at_all(tmp_path: Path) -> None:
    write_geff(linked_movie(np.zeros((3, 8, 8), np.uint32), np.zeros((0, 4), np.int64)), tmp_path / "e.zarr")
    graph = read_geff(tmp_path / "e.zarr")
    assert (graph.ids.shape, graph.edges.shape) == ((0,), (0, 2))


def change(store: Path, **said: object) -> None:
    graph = zarr.open_group(store, mode="a")["tracks"]
    graph.attrs["geff"] = {**graph.attrs["geff"], **said}


def set_edge(store: Path, row: int, pair: tuple[int, int]) -> None:
    zarr.open_group(store, mode="a")["tracks/edges/ids"][row] = pair


def test_two_parents_and_daughters_before_mothers_are_refused(store: Path) -> None:
    edges = zarr.open_group(store, mode="r")["tracks/edges/ids"][...]
    set_edge(store, 1, (int(edges[1, 0]), int(edges[0, 1])))
    entry = Geff().scan(store).entries[0]
    with pytest.raises(InvalidDocument, match="two parents"):
        Geff().read(entry)
    set_edge(store, 1, (int(edges[1, 1]), int(edges[1, 0])))
    with pytest.raises(InvalidDocument, match="forward in time"):
        Geff().read(entry)


def test_what_breaks_the_specification_is_skipped_with_the_reason(store: Path, tmp_path: Path) -> None:
    def reason() -> str:
        return Geff().scan(store).skipped[0].reason

    change(store, directed=False)
    assert "no direction" in reason()
    change(store, directed=True, axes=[{"name": "z"}])
    assert "an axis" in reason()
    set_edge(store, 0, (1, 999_999))
    assert "not pairs of nodes" in reason()
    with pytest.raises(UnknownLayout):
        Geff().scan(tmp_path / "nothing")
    empty = tmp_path / "empty" / "a.zarr"
    zarr.open_group(empty, mode="w", zarr_format=2)
    assert Geff().guess(empty.parent)[0] == 0
    with pytest.raises(NotFound, match="GEFF"):
        read_geff(empty)
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(UnreadableFile):
        read_geff(tmp_path / "b.zarr")


def test_masks_of_another_movie_and_paths_out_of_the_store_are_refused(store: Path) -> None:
    entry = Geff().scan(store).entries[0]
    masks = zarr.open_group(store, mode="a")["segmentation/0"]
    first = masks[0]
    masks[0] = np.zeros_like(first)
    with pytest.raises(InvalidDocument, match="not the cells of the masks"):
        Geff().read(entry)
    masks[0] = first
    for path in ("../../../etc", "../nowhere"):
        change(store, related_objects=[{"type": "labels", "path": path}, {"type": "image", "path": "../image"}])
        with pytest.raises(CellCommonsError):
            Geff().read(entry)


def test_nothing_is_overwritten(record: Record, store: Path) -> None:
    with pytest.raises(InvalidDocument, match="already"):
        Geff().write([record], store.parent)
    with pytest.raises(CannotCarry, match="labelled images only"):
        write_layout(Geff(), [replace(record, truth=None)], store.parent / "more")


def spots(lineage: Lineage, seed: int = 0) -> PointTracks:
    count = len(lineage.nodes())
    rng = np.random.default_rng(seed)
    radii = rng.uniform(1, 4, count)
    radii[0] = np.nan
    return PointTracks(rng.uniform(0, 90, (count, 2)), radii, lineage, PixelSize(0.5, 0.25), 60.0)


def test_spots_need_no_masks(record: Record, tmp_path: Path) -> None:
    points = spots(record.truth.lineage)
    write_layout(Geff(), [replace(record, truth=points)], tmp_path / "out")
    again = Geff().read(Geff().scan(tmp_path / "out").entries[0])
    assert isinstance(again.truth, PointTracks)
    assert again.truth.lineage == points.lineage
    np.testing.assert_allclose(again.truth.positions, points.positions)
    np.testing.assert_allclose(again.truth.radii, points.radii)
    assert (again.truth.pixel_size, again.truth.seconds_per_frame) == (points.pixel_size, 60.0)
    np.testing.assert_array_equal(again.image.data, record.image.data)


def test_a_graph_of_another_tool_alone(record: Record, tmp_path: Path) -> None:
    """No image, no masks, no track numbers, ids beyond 32 bits, other names of axes, lengths in nanometres."""
    points = spots(record.truth.lineage)
    write_geff(points, tmp_path / "a.zarr")
    graph = zarr.open_group(tmp_path / "a.zarr", mode="a")["tracks"]
    props = graph["nodes/props"]
    for old, new, factor in (("t", "time", 1), ("y", "Y", 500.0), ("x", "X", 250.0)):
        values = props[f"{old}/values"][...] * factor
        props.create_group(new).create_array("values", data=values)
        del props[old]
    del props["track"]
    big = np.uint64(1 << 40)
    graph["nodes/ids"][...] += big
    graph["edges/ids"][...] += big
    said = graph.attrs["geff"]
    said["axes"] = [
        {"name": "time", "type": "time", "unit": "frame"},
        {"name": "Y", "type": "space", "unit": "nanometer", "scale": 0.5, "scaled_unit": "micrometer"},
        {"name": "X", "type": "space", "unit": "nanometer", "scale": 0.25, "scaled_unit": "micrometer"},
    ]
    said["node_props_metadata"] = {name: {"identifier": name, "dtype": "f"} for name in ("time", "Y", "X", "radius")}
    graph.attrs["geff"] = said
    again = Geff().read(Geff().scan(tmp_path).entries[0])
    assert again.pixels is None
    assert isinstance(again.truth, PointTracks)
    assert len(again.truth.lineage.tracks) == len(points.lineage.tracks)
    assert len(again.truth.lineage.divisions) == len(points.lineage.divisions)
    assert sorted(map(tuple, again.truth.positions.round(6).tolist())) == sorted(
        map(tuple, points.positions.round(6).tolist())
    )
    for axis in said["axes"]:
        axis.pop("scale", None)
    graph.attrs["geff"] = said
    with pytest.raises(InvalidDocument, match="nothing says how large a pixel is"):
        Geff().read(Geff().scan(tmp_path).entries[0])


def test_a_spot_after_the_last_frame_is_refused(record: Record, tmp_path: Path) -> None:
    short = replace(record.image, data=record.image.data[:4])
    Geff().write([replace(record, truth=spots(record.truth.lineage), pixels=short)], tmp_path)
    with pytest.raises(MismatchedShapes, match="a spot in frame 11 of 4 frames"):
        Geff().read(Geff().scan(tmp_path).entries[0])


@pytest.mark.parametrize("kind", ["cells", "spots"])
def test_the_geff_package_accepts_it(store: Path, kind: str, record: Record, tmp_path: Path) -> None:
    """Its releases pin numcodecs below ours, so it needs an environment of its own: CELLCOMMONS_GEFF_PYTHON."""
    python = os.environ.get("CELLCOMMONS_GEFF_PYTHON")
    if not python:
        pytest.skip("CELLCOMMONS_GEFF_PYTHON names no Python that has the package geff (pip install geff, elsewhere)")
    if kind == "spots":
        store = tmp_path / "spots.zarr"
        write_geff(spots(record.truth.lineage), store, record.image)
    program = (
        "import json, sys, geff\n"
        "from geff.validate.data import ValidationConfig\n"
        "path = sys.argv[1]\n"
        "geff.validate_structure(path)\n"
        "checks = ValidationConfig(graph=True, tracklet=True, lineage=True, sphere=True)\n"
        "graph, metadata = geff.read(path, structure_validation=True, data_validation=checks)\n"
        "print(json.dumps([graph.number_of_nodes(), graph.number_of_edges(), [a.name for a in metadata.axes]]))\n"
    )
    done = subprocess.run(
        [python, "-W", "error::UserWarning", "-c", program, f"{store}/tracks"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    graph = read_geff(store)
    assert json.loads(done.stdout.splitlines()[-1]) == [graph.ids.size, len(graph.edges), ["t", "y", "x"]]
