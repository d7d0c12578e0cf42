"""OME-Zarr with labels: every kind of truth there and back, valid to others, and what others write."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from ome_zarr_models.v05 import Image, ImageLabel

from cellcommons.axes import PixelSize
from cellcommons.classes import CellClasses, Ontology
from cellcommons.errors import CellCommonsError, InvalidDocument, MismatchedShapes, UnknownLayout, UnsafeArchive
from cellcommons.images.data import ImageData
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.ome_zarr_images import OmeZarr
from cellcommons.layouts.registry import guess_layout
from cellcommons.layouts.writing import write_layout
from cellcommons.overlapping import OverlappingCells, cell_of
from cellcommons.readings import Readings
from cellcommons.semantic import UNKNOWN, SemanticMap
from cellcommons.synthetic.movies import generate_movie
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.records import records
from cellcommons.testing.sameness import assert_same_record
from cellcommons.tracks import LabelMovie

IDS = np.zeros((8, 7), dtype=np.uint32)
IDS[1:4, 1:4], IDS[5:, 2:] = 3, 70_000
IMAGE = ImageData(np.arange(112, dtype=np.uint16).reshape(2, 8, 7), "cyx", ("DAPI", "GFP"), PixelSize(0.5, 0.5))


class TestOmeZarr(LayoutSuite):
    layout = OmeZarr()


def written(folder: Path, truth: Any, image: ImageData = IMAGE, name: str = "a") -> Path:
    write_layout(OmeZarr(), [Record(Entry(name, (), name), image, truth, folder)], folder / "out")
    return folder / "out" / f"{name}.zarr"


def read(path: Path) -> dict[str, Record]:
    scan = OmeZarr().scan(path)
    assert not scan.skipped, scan.skipped[0].reason
    return {entry.name: OmeZarr().read(entry) for entry in scan.entries}


@given(data=st.data())
@hypothesis_settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_is_written_is_valid(data: st.DataObject, tmp_path_factory: Any) -> None:
    wanted = data.draw(records(OmeZarr().carries, name="a"))
    folder = tmp_path_factory.mktemp("valid") / "out"
    write_layout(OmeZarr(), [wanted], folder)
    group = zarr.open_group(folder / "a.zarr", mode="r")
    Image.from_zarr(group)
    for name in group["labels"].attrs["ome"]["labels"] if "labels" in group else ():
        ImageLabel.from_zarr(group["labels"][name])
    shutil.rmtree(folder)


def test_classes_of_cells_are_properties_of_labels(tmp_path: Path) -> None:
    truth = CellClasses(LabelMap(IDS), {3: ("mitosis",)}, Ontology(("rest", "mitosis")))
    store = written(tmp_path, truth)
    group = zarr.open_group(store, mode="r")
    Image.from_zarr(group)
    label = zarr.open_group(store / "labels" / "cells", mode="r")
    said = ImageLabel.from_zarr(label).attributes.ome.image_label
    assert said.source.image == "../../"
    assert label.attrs["ome"]["image-label"]["properties"] == [{"label-value": 3, "class": "mitosis"}]
    np.testing.assert_array_equal(label["0"][...], IDS)
    assert group["labels"].attrs["ome"]["labels"] == ["cells"]


def test_overlapping_cells_are_layers(tmp_path: Path) -> None:
    one, two = np.zeros((8, 7), bool), np.zeros((8, 7), bool)
    one[:5], two[3:] = True, True
    truth = OverlappingCells(tuple(cell_of(n, m) for n, m in ((4, one), (9, two))), (8, 7))  # type: ignore[misc]
    store = written(tmp_path, truth)
    assert zarr.open_group(store / "labels", mode="r").attrs["ome"]["labels"] == ["cells", "cells-2"]
    again = read(tmp_path)["a"].truth
    assert isinstance(again, OverlappingCells)
    assert again.overlap
    assert [cell.id for cell in again.cells] == [4, 9]


def test_pixels_of_classes_are_named_and_coloured(tmp_path: Path) -> None:
    data = np.zeros((8, 7), np.uint8)
    data[0], data[1] = 1, UNKNOWN
    store = written(tmp_path, SemanticMap(data, Ontology(("stroma", "tumour"))))
    label = zarr.open_group(store / "labels" / "classes", mode="r")
    said = label.attrs["ome"]["image-label"]
    assert [one["class"] for one in said["properties"]] == ["stroma", "tumour"]
    assert len({tuple(one["rgba"]) for one in said["colors"]}) == 2
    assert label["0"][0, 0] == 2
    assert label["0"][1, 0] == 0
    ImageLabel.from_zarr(label)


def test_a_movie_of_tracks_and_readings_of_people_are_valid(tmp_path: Path) -> None:
    movie = generate_movie(2, density="easy", frames=6, height=64, width=72)
    image = ImageData(movie.image, "tcyx", movie.channels, movie.truth.pixel_size, seconds_per_frame=60.0)
    truth = LabelMovie(movie.truth.data, movie.truth.lineage, movie.truth.pixel_size, 60.0)
    store = written(tmp_path / "m", truth, image)
    ImageLabel.from_zarr(zarr.open_group(store / "labels" / "tracks", mode="r"))
    again = read(tmp_path / "m")["a"].truth
    assert isinstance(again, LabelMovie)
    assert again.lineage == truth.lineage
    both = Readings({"ann": LabelMap(IDS), "bo": LabelMap(IDS // 3)}, LabelMap(IDS))
    store = written(tmp_path / "r", both)
    Image.from_zarr(zarr.open_group(store, mode="r"))
    names = zarr.open_group(store / "labels", mode="r").attrs["ome"]["labels"]
    assert names == ["reader-1-cells", "reader-2-cells", "consensus-cells"]


def foreign(store: Path, image: Any, axes: str, labels: dict[str, tuple[Any, str]], version: int = 2) -> None:
    """As other writers of OME-Zarr 0.4 (zarr 2) or 0.5 (zarr 3) lay it out."""

    def group(path: Path, array: Any, letters: str, more: dict[str, Any]) -> None:
        found = zarr.open_group(path, mode="a", zarr_format=version)  # type: ignore[arg-type]
        found.create_array("0", data=array, chunks=array.shape)
        kinds = {"t": "time", "c": "channel"}
        named = [{"name": a, "type": kinds.get(a, "space")} for a in letters]
        transform = [{"type": "scale", "scale": [1.0] * len(letters)}]
        scales = [
            {"axes": named, "datasets": [{"path": "0", "coordinateTransformations": transform}], "version": "0.4"}
        ]
        said = {"multiscales": scales, **more}
        found.attrs.update(said if version == 2 else {"ome": {"version": "0.5", **said}})

    group(store, image, axes, {})
    if labels:
        listed = {"labels": list(labels)}
        zarr.open_group(store / "labels", mode="a", zarr_format=version).attrs.update(  # type: ignore[arg-type]
            listed if version == 2 else {"ome": {"version": "0.5", **listed}}
        )
    for name, (array, letters) in labels.items():
        group(store / "labels" / name, array, letters, {"image-label": {"version": "0.4"}})


@pytest.mark.parametrize("version", [2, 3])
def test_what_others_write(version: int, tmp_path: Path) -> None:
    plane, volume = IDS.astype(np.int64), np.stack([IDS] * 3).astype(np.uint16)
    foreign(tmp_path / "a.zarr", IMAGE.data, "cyx", {"nuclei": (plane, "yx")}, version)
    foreign(tmp_path / "b.ome.zarr", volume, "zyx", {"cells": (volume, "zyx"), "nuclei": (volume // 2, "zyx")}, version)
    foreign(tmp_path / "c.zarr", volume[:, None], "tcyx", {"tracks": (volume, "tyx")}, version)
    foreign(tmp_path / "d.zarr", IMAGE.data[0], "yx", {}, version)
    assert OmeZarr().guess(tmp_path)[0] > 0.8
    found = read(tmp_path)
    assert sorted(found) == ["a", "b", "b.nuclei", "c", "d"]
    np.testing.assert_array_equal(found["a"].labels, IDS)
    for name, wanted in (("b", volume), ("b.nuclei", volume // 2)):
        truth = found[name].truth
        assert isinstance(truth, LabelMap)
        assert truth.axes == "zyx"
        np.testing.assert_array_equal(truth.data, wanted)
    assert found["c"].truth is None
    assert found["c"].entry.metadata["labels_not_read"] == ["tracks"]
    assert found["d"].truth is None


def test_a_collection_is_an_entry_each(tmp_path: Path) -> None:
    store = tmp_path / "many.zarr"
    zarr.open_group(store, mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    for number in range(2):
        foreign(store / str(number), IMAGE.data + number, "cyx", {"nuclei": (IDS, "yx")} if number else {})
    found = read(tmp_path)
    assert sorted(found) == ["many/0", "many/1"]
    np.testing.assert_array_equal(found["many/1"].labels, IDS)
    assert {record.entry.source for record in found.values()} == {"many"}


@pytest.mark.parametrize(
    "array", [IDS[:4], IDS[None].repeat(2, 0), IDS.astype(np.float32) + 0.5, -IDS.astype(np.int64)]
)
def test_labels_that_cannot_be_are_refused(array: Any, tmp_path: Path) -> None:
    foreign(tmp_path / "a.zarr", IMAGE.data, "cyx", {"nuclei": (array, "zyx"[-array.ndim :])})
    with pytest.raises((MismatchedShapes, InvalidDocument)):
        read(tmp_path)


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    foreign(tmp_path / "else" / "a.zarr", IMAGE.data, "cyx", {"nuclei": (IDS, "yx")})
    inner = tmp_path / "here" / "b.zarr"
    foreign(inner, IMAGE.data, "cyx", {"nuclei": (IDS, "yx")})
    shutil.rmtree(inner / "labels" / "nuclei")
    (inner / "labels" / "nuclei").symlink_to(tmp_path / "else" / "a.zarr" / "labels" / "nuclei")
    assert "leads out" in OmeZarr().scan(tmp_path / "here").skipped[0].reason
    (inner / "labels" / "nuclei").unlink()
    for name in ("../../../else/a.zarr/labels/nuclei", "/etc", "..", "a\\b"):
        (inner / "labels" / ".zattrs").write_text(json.dumps({"labels": [name]}))
        assert "names a group" in OmeZarr().scan(tmp_path / "here").skipped[0].reason
    store = written(tmp_path, LabelMap(IDS))
    path = store / "cellcommons" / "zarr.json"
    path.write_text(path.read_text().replace('"cells"', '"../../../else"'))
    with pytest.raises(UnsafeArchive):
        read(tmp_path / "out")


@pytest.mark.parametrize(
    "change",
    [
        {"classes": [[float("inf"), ["a"]]]},
        {"classes": [[3.5, ["a"]]]},
        {"classes": [[5, ["a"]]]},
        {"ontology": None},
        {"labels": {"type": "ImageClasses", "classes": ["a"], "ontology": {"names": ["a"]}}},
        {"type": "LabelMovie", "raster": "cells", "lineage": [[3, 0, 10**12, None]], "seconds": None},
        {"type": "PointTracks", "positions": [], "radii": [], "lineage": [[3, 0, 10**12, None]], "seconds": None},
        {"type": "PointTracks", "positions": [[1]], "radii": [1], "lineage": [[3, 0, 0, None]], "seconds": None},
        {"type": "Readings", "by": {"a": {"type": "Readings", "by": {}, "consensus": None}}, "consensus": None},
        {"type": "CellBoxes", "boxes": [[0, 0, 1, 1e300, "a"]], "shape": [8, 7]},
        {"type": "Keypoints", "positions": [1], "landmarks": ["a"], "objects": ["b"], "hidden": [], "shape": [8, 7]},
        {"type": "SemanticMap", "raster": "cells", "unknown": 255},
        {"type": "Else"},
        {"type": ["LabelMap"]},
    ],
)
def test_documents_that_cannot_be_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    store = written(tmp_path, CellClasses(LabelMap(IDS), {3: ("a",)}, Ontology(("a", "b"))))
    path = store / "cellcommons" / "zarr.json"
    document = json.loads(path.read_text())
    document["attributes"]["truth"] |= change
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidDocument, match=r"^a"):
        read(tmp_path / "out")


def test_folders_that_are_damaged_or_something_else_are_skipped(tmp_path: Path) -> None:
    foreign(tmp_path / "a.zarr", IMAGE.data, "cyx", {"nuclei": (IDS, "yx")})
    zarr.open_group(tmp_path / "b.zarr", mode="w")
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "zarr.json").write_text("{")
    foreign(tmp_path / "d.zarr", IMAGE.data, "cyx", {"nuclei": (IDS, "yx")})
    (tmp_path / "d.zarr" / "labels" / "nuclei" / ".zattrs").write_text("[")
    scan = OmeZarr().scan(tmp_path)
    assert [entry.name for entry in scan.entries] == ["a"]
    assert [item.path.name for item in scan.skipped] == ["b.zarr", "c.zarr", "d.zarr"]
    (tmp_path / "none").mkdir()
    with pytest.raises(UnknownLayout):
        OmeZarr().scan(tmp_path / "none")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    region = np.ones((8, 7), bool)
    region[0] = False
    written(folder, CellClasses(LabelMap(IDS, annotated=region), {3: ("a",)}, Ontology(("a", "b"))))
    foreign(folder / "out" / "b.zarr", IMAGE.data, "cyx", {"nuclei": (IDS, "yx")})
    return folder / "out"


@given(data=st.data())
@hypothesis_settings(max_examples=int(os.environ.get("CELLCOMMONS_FUZZ", "40")))
def test_mutated_folders_are_read_or_refused(data: st.DataObject, seeds: Path, tmp_path_factory: Any) -> None:
    files = sorted(path.relative_to(seeds) for path in seeds.rglob("*") if path.is_file())
    chosen = seeds / data.draw(st.sampled_from(files))
    whole = chosen.read_bytes()
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    chosen.write_bytes(changed[: data.draw(st.integers(len(changed) // 2, len(changed)))])
    try:
        for entry in OmeZarr().scan(seeds).entries:
            try:
                OmeZarr().read(entry)
            except CellCommonsError:
                continue  # any other error is what this looks for
    except CellCommonsError:
        pass
    finally:
        chosen.write_bytes(whole)


@pytest.mark.real_data
@pytest.mark.parametrize(
    "folder",
    [
        "seg_dsb2018_fixes", "seg_stardist_samples", "seg_plantseg_h5", "cls_det_bccd_voc", "cls_sbs_translocation",
        "crowd_seg_bubil", "crowd_seg_cfos_experts", "aug_denoise_fmd_confocal", "aug_isl_labelfree",
        "track_usiigaci_t98g", "fmt_neubias_ccby/watershed",
    ],
)  # fmt: skip
def test_what_other_layouts_give_comes_back_whole(folder: str, real_data: Path, tmp_path: Path) -> None:
    layout = guess_layout(real_data / folder)
    entries = layout.scan(real_data / folder).entries
    wanted = [layout.read(entry) for entry in (entries[0], entries[-1])][: len(entries)]
    done = write_layout(OmeZarr(), wanted, tmp_path / "out")
    assert done.dropped == {}
    again = {entry.name: OmeZarr().read(entry) for entry in OmeZarr().scan(tmp_path / "out").entries}
    for record in wanted:
        assert_same_record(again[record.entry.name], record, OmeZarr().carries)


@pytest.mark.real_data
def test_nine_orders_of_axes(real_data: Path) -> None:
    scan = OmeZarr().scan(real_data / "fmt_mixed" / "ome_zarr")
    assert not scan.skipped
    found = {entry.name: OmeZarr().read(entry) for entry in scan.entries}
    axes = {name.removeprefix("test_image_"): record.image.axes for name, record in found.items()}
    assert axes == {
        "yx": "cyx", "cyx": "cyx", "c1yx": "czyx", "zyx": "czyx", "czyx": "czyx",
        "tyx": "tcyx", "tcyx": "tcyx", "tzyx": "tczyx", "tczyx": "tczyx",
    }  # fmt: skip
    for name, record in found.items():
        if "t" in name.removeprefix("test_image_"):
            assert record.entry.metadata["labels_not_read"] == ["label"]
            continue
        assert isinstance(record.truth, LabelMap)
        assert record.truth.axes == record.image.axes.replace("c", "")
        assert not record.truth.data.any()
