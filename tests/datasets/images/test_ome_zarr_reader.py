"""OME-Zarr of every version, order and structure in."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from zarr_builder import ome_zarr, random, write_group

from cellcommons.axes import PixelSize
from cellcommons.errors import UnreadableFile
from cellcommons.images.data import ImageData, PlatePosition, Wavelengths
from cellcommons.images.ome_zarr import write_image
from cellcommons.images.readers import is_image, list_images, open_image, read_image
from cellcommons.store import FolderStore
from cellcommons.tree import load_tree


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("axes", ["yx", "zyx", "cyx", "tyx", "tzyx", "czyx", "tcyx", "tczyx", "zcyx", "yxc"])
def test_orders_sizes_and_intervals(tmp_path: Path, axes: str, version: int) -> None:
    sizes = {"t": 2, "c": 3, "z": 4, "y": 20, "x": 18}
    array = random(tuple(sizes[a] for a in axes))
    image = read_image(ome_zarr(tmp_path / "a.zarr", array, axes, version))
    assert image.axes == "".join(a for a in "tczyx" if a in axes or a == "c")
    for at in np.ndindex(image.data.shape):
        stored = dict(zip(image.axes, at, strict=True))
        if sum(at) % 97 == 0:
            assert image.data[at] == array[tuple(stored[a] for a in axes)]
    assert image.pixel_size == PixelSize(y=0.5, x=0.25, z=0.25 if "z" in axes else None)
    assert image.seconds_per_frame == (1.5 if "t" in axes else None)


def test_regions_decode_only_their_chunks(tmp_path: Path) -> None:
    array = random((3, 40, 40))
    folder = ome_zarr(tmp_path / "a.zarr", array, "zyx", 2, chunks=(1, 10, 10))
    for chunk in folder.glob("0/1.*"):
        chunk.write_bytes(b"damaged")
    with open_image(folder) as file:
        (image,) = file.images
        assert image.chunk == (1, 1, 10, 10)
        assert np.array_equal(
            image.region((slice(0, 1), slice(2, 3), slice(3, 33), slice(7, 8)))[0], array[2:3, 3:33, 7:8]
        )
        with pytest.raises(UnreadableFile, match=r"damaged|unpacks"):
            image.region((slice(0, 1), slice(0, 2), slice(0, 5), slice(0, 5)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64", ">u2"])
@pytest.mark.parametrize("version", [2, 3])
def test_kinds_of_pixel(tmp_path: Path, dtype: str, version: int) -> None:
    array = random((20, 18), "uint8").astype(dtype)
    image = read_image(ome_zarr(tmp_path / "a.zarr", array, "yx", version))
    assert image.data.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(image.data[0], array)


def test_a_scale_without_unit_is_no_size(tmp_path: Path) -> None:
    image = read_image(ome_zarr(tmp_path / "a.zarr", random((20, 18)), "yx", units=False))
    assert not image.pixel_size.known
    assert image.metadata["scale_without_unit"] == {"y": 0.5, "x": 0.25}


def test_channels_colours_and_labels(tmp_path: Path) -> None:
    omero = {"channels": [{"label": "DAPI", "color": "0000ff"}, {"label": "", "color": "00FF00"}]}
    folder = ome_zarr(tmp_path / "a.zarr", random((2, 20, 18)), "cyx", extra={"omero": omero})
    write_group(folder / "labels", {"labels": ["cells"]}, 3)
    ome_zarr(folder / "labels" / "cells", random((20, 18), "uint32"), "yx")
    image = read_image(folder)
    assert image.channels == ("DAPI", "channel 2")
    assert image.metadata["channel_colours"] == ["0000FF", "00FF00"]
    assert image.metadata["labels"] == ["cells"]
    assert read_image(folder / "labels" / "cells").data.dtype == np.uint32
    omero["channels"].pop()
    folder = ome_zarr(tmp_path / "b.zarr", random((2, 20, 18)), "cyx", extra={"omero": omero})
    assert read_image(folder).channels == ("channel 1", "channel 2")
    assert "omero_ignored" in read_image(folder).metadata


def test_what_we_seal_reads_back_as_it_was(tmp_path: Path) -> None:
    light = Wavelengths(488.0, 510.0)
    source = ImageData(
        random((2, 3, 300, 280), "uint8"),
        "tcyx",
        ("red", "green", "blue"),
        PixelSize(0.5, 0.5),
        True,
        {"a": 1},
        wavelengths=(light, Wavelengths(), light),
        seconds_per_frame=2.5,
        position=PlatePosition("B", 7, 2, "P1"),
    )
    store = FolderStore(tmp_path / "objects")
    tree = load_tree(store, write_image(store, source).digest)
    for entry in tree.entries:
        (tmp_path / "a.zarr" / entry.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a.zarr" / entry.path).write_bytes(store.get(entry.sha256))
    image = read_image(tmp_path / "a.zarr")
    assert np.array_equal(image.data, source.data)
    for name in ("axes", "channels", "rgb", "pixel_size", "metadata", "wavelengths", "seconds_per_frame", "position"):
        assert getattr(image, name) == getattr(source, name)


@pytest.mark.parametrize("version", [2, 3])
def test_bioformats2raw_collections(tmp_path: Path, version: int) -> None:
    write_group(tmp_path / "a.zarr", {"bioformats2raw.layout": 3}, version)
    for number in range(3):
        ome_zarr(tmp_path / "a.zarr" / str(number), random((20, 18 + number)), "yx", version)
    assert [(n, f.shape_yx) for n, f in list_images(tmp_path / "a.zarr")] == [
        ("0", (20, 18)),
        ("1", (20, 19)),
        ("2", (20, 20)),
    ]
    write_group(tmp_path / "a.zarr" / "OME", {"series": ["2", "0"]}, version)
    assert [n for n, _ in list_images(tmp_path / "a.zarr")] == ["2", "0"]
    assert read_image(tmp_path / "a.zarr", series="2").shape_yx == (20, 20)


def test_what_the_ome_xml_of_a_collection_says(tmp_path: Path) -> None:
    write_group(tmp_path / "a.zarr", {"bioformats2raw.layout": 3}, 2)
    write_group(tmp_path / "a.zarr" / "OME", {"series": ["0"]}, 2)
    ome_zarr(tmp_path / "a.zarr" / "0", random((2, 2, 20, 18)), "tcyx", 2, units=False)
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0" Name="embryo"><Pixels '
        'SizeX="18" SizeY="20" SizeC="2" SizeZ="1" SizeT="2" PhysicalSizeX="0.5" PhysicalSizeY="0.4" TimeIncrement="3">'
        '<Channel ID="Channel:0:0" Name="GFP" ExcitationWavelength="488" EmissionWavelength="510"/>'
        '<Channel ID="Channel:0:1" Name="TL"/></Pixels></Image></OME>'
    )
    (tmp_path / "a.zarr" / "OME" / "METADATA.ome.xml").write_text(text)
    image = read_image(tmp_path / "a.zarr")
    assert (image.channels, image.seconds_per_frame) == (("GFP", "TL"), 3.0)
    assert image.pixel_size == PixelSize(y=0.4, x=0.5)
    assert image.wavelengths == (Wavelengths(488.0, 510.0), Wavelengths())
    assert image.metadata["name"] == "embryo"
    for damaged in (text[:200], f"<!DOCTYPE a>{text}", ""):
        (tmp_path / "a.zarr" / "OME" / "METADATA.ome.xml").write_text(damaged)
        assert read_image(tmp_path / "a.zarr").channels == ("channel 1", "channel 2")


def plate(folder: Path, version: int) -> Path:
    wells = [{"path": "B/07", "rowIndex": 1, "columnIndex": 6}, {"path": "AA/12", "rowIndex": 26, "columnIndex": 11}]
    write_group(folder, {"plate": {"name": "P1", "wells": wells, "rows": [], "columns": []}}, version)
    for well in wells:
        fields = [{"path": "0", "acquisition": 5}, {"path": "1"}]
        write_group(folder / well["path"], {"well": {"images": fields}}, version)
        for field in fields:
            ome_zarr(folder / well["path"] / field["path"], random((20, 18)), "yx", version)
    return folder


@pytest.mark.parametrize("version", [2, 3])
def test_plates(tmp_path: Path, version: int) -> None:
    found = list_images(plate(tmp_path / "p.zarr", version))
    assert [n for n, _ in found] == ["B/07/0", "B/07/1", "AA/12/0", "AA/12/1"]
    assert found[1][1].position == PlatePosition("B", 7, 2, "P1")
    assert found[2][1].position == PlatePosition("AA", 12, 1, "P1")
    assert found[0][1].metadata["acquisition"] == 5
    assert read_image(tmp_path / "p.zarr", series="AA/12/1").data.any()
    assert [n for n, _ in list_images(tmp_path / "p.zarr" / "B" / "07")] == ["0", "1"]


def test_old_versions(tmp_path: Path) -> None:
    """0.1 and 0.2 have no axes: always t, c, z, y, x. 0.3 names them only."""
    folder = ome_zarr(tmp_path / "a.zarr", random((1, 2, 3, 20, 18)), "tczyx", 2)
    for axes in (None, ["t", "c", "z", "y", "x"]):
        entry = {"version": "0.2", "datasets": [{"path": "0"}], **({"axes": axes} if axes else {})}
        write_group(folder, {"multiscales": [entry]}, 2)
        image = read_image(folder)
        assert (image.axes, image.data.shape, image.pixel_size) == ("tczyx", (1, 2, 3, 20, 18), PixelSize())


def test_chunks_that_are_not_there_are_counted(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", random((40, 40)), "yx", 2, chunks=(10, 10))
    os.remove(folder / "0" / "1.2")
    image = read_image(folder)
    assert image.metadata["absent_chunks"] == 1
    assert not image.data[0, 10:20, 20:30].any()
    assert "absent_chunks" not in read_image(ome_zarr(tmp_path / "b.zarr", random((40, 40)), "yx")).metadata


def test_is_image(tmp_path: Path) -> None:
    assert is_image(ome_zarr(tmp_path / "a.zarr", random((20, 18)), "yx"))
    write_group(tmp_path / "graph.zarr", {"geff": {}}, 2)
    assert not is_image(tmp_path / "graph.zarr")
    assert not is_image(tmp_path)


REAL = {
    "yx": ("cyx", (1, 64, 64)),
    "cyx": ("cyx", (2, 64, 64)),
    "c1yx": ("czyx", (2, 1, 64, 64)),
    "zyx": ("czyx", (1, 3, 64, 64)),
    "czyx": ("czyx", (2, 3, 64, 64)),
    "tyx": ("tcyx", (4, 1, 64, 64)),
    "tcyx": ("tcyx", (4, 2, 64, 64)),
    "tzyx": ("tczyx", (4, 1, 3, 64, 64)),
    "tczyx": ("tczyx", (4, 2, 3, 64, 64)),
}


@pytest.mark.real_data
@pytest.mark.parametrize("order", REAL)
def test_real_axis_orders(real_data: Path, order: str) -> None:
    image = read_image(real_data / f"fmt_mixed/ome_zarr/v04/images/test_image_{order}.zarr")
    assert (image.axes, image.data.shape) == REAL[order]
    z = {"c1yx": 1.0}.get(order, 2.0) if "z" in image.axes else None
    assert image.pixel_size == PixelSize(0.5, 0.5, z)
    assert image.seconds_per_frame == (4.0 if "t" in order else None)
    assert image.channels == (("channel1", "channel2") if "c" in order else ("channel_0",))
    assert image.metadata["labels"] == ["label"]
