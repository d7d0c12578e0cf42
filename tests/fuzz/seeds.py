"""Whole files and folders to break: one of each kind, small."""

from __future__ import annotations

import importlib
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cellcommons.classes import CellBoxes
from cellcommons.images.data import ImageData
from cellcommons.images.writers import write_png, write_tiff
from cellcommons.labels import LabelMap
from cellcommons.layouts.contract import Record
from cellcommons.layouts.writing import write_layout
from cellcommons.overlapping import OverlappingCells
from cellcommons.points import PointTracks
from cellcommons.readings import Readings
from cellcommons.testing.layout_suite import LayoutSuite
from cellcommons.testing.records import ontologies, records
from cellcommons.tracks import LabelMovie

Seeds = dict[str, tuple[str, Path]]  # name -> (what reads it, where it is)

_TESTS = Path(__file__).resolve().parents[1] / "datasets" / "layouts"
_STACK = np.arange(2 * 3 * 40 * 48, dtype=np.uint16).reshape(2, 3, 40, 48)
_RGB = (np.arange(40 * 48 * 3) % 251).astype(np.uint8).reshape(40, 48, 3)


def _tiff(**options: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        data = options.get("data", _STACK)
        tifffile.imwrite(path, data, **{key: value for key, value in options.items() if key != "data"})

    return write


_IMAGES: dict[str, Callable[[Path], None]] = {
    "plain.tif": _tiff(data=_STACK[0, 0]),
    "big.tif": _tiff(data=_STACK[0, 0], bigtiff=True, compression="zlib", predictor=True),
    "tiled.tif": _tiff(data=_STACK[0, 0], tile=(16, 16), compression="lzw"),
    "zstd.tif": _tiff(data=_STACK[0, 0], compression="zstd"),
    "jpeg.tif": _tiff(data=_RGB, photometric="rgb", compression="jpeg", tile=(16, 16)),
    "imagej.tif": _tiff(imagej=True, metadata={"axes": "ZCYX", "spacing": 2.0, "unit": "um", "finterval": 3.0}),
    "stack.ome.tif": _tiff(ome=True, metadata={"axes": "ZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}),
    "facts.ome.tif": lambda path: write_tiff(path, ImageData(_STACK, "czyx", ("a", "b"))),
    "gray.png": lambda path: write_png(path, ImageData(_STACK[0, :1], "cyx", ("intensity",))),
    "colour.png": lambda path: path.write_bytes(imagecodecs.png_encode(_RGB)),
    "colour.jpg": lambda path: path.write_bytes(imagecodecs.jpeg_encode(_RGB)),
}
_REAL = {
    "cluster.nd2": "fmt_mixed/nd2/cluster.nd2",
    "czi": "fmt_mixed/czi",
    "hdf5": "seg_plantseg_h5/training_sources/train_2D_2D.h5",
    "tiled ome": "fmt_wipp_ometiff/data/PyramidBuilding/inputCollection/img_r001_c002.ome.tif",
    "imagej labels": "fmt_neubias_ccby/xy_16bit_labels__nuclei.tif",
    "zarr 0.4": "fmt_mixed/ome_zarr/v04/images/test_image_czyx.zarr",
}
LARGEST = 6 << 20


def image_seeds(folder: Path, real: Path | None) -> Seeds:
    """Images of every format: written here, and real ones below 6 MB where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds: Seeds = {}
    for name, write in _IMAGES.items():
        write(folder / name)
        seeds[name] = ("image", folder / name)
    for name, below in _REAL.items() if real else ():
        assert real is not None
        path = real / below
        if path.is_dir() and path.suffix != ".zarr":
            path = min((p for p in path.iterdir() if p.suffix == f".{name}"), default=path)
        if path.exists() and (path.is_dir() or path.stat().st_size < LARGEST):
            seeds[name] = ("image", path)
    return seeds


def layout_suites() -> list[type[LayoutSuite]]:
    """The suite of every layout that can be written, as its tests define it."""
    for folder in (_TESTS, _TESTS.parent):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))  # as pytest does: tests share a few modules beside them
    for path in sorted(_TESTS.glob("test_*.py")):
        importlib.import_module(f"tests.datasets.layouts.{path.stem}")
    return sorted(_below(LayoutSuite), key=lambda suite: (suite.layout.name, suite.__qualname__))


def _below(suite: type[LayoutSuite]) -> Iterator[type[LayoutSuite]]:
    for one in suite.__subclasses__():
        if hasattr(one, "layout"):
            yield one
        yield from _below(one)


def layout_seeds(folder: Path) -> Seeds:
    """A folder in every layout that can be written, of each kind of truth that it carries."""
    seeds: Seeds = {}
    for suite in {one.layout.name: one for one in layout_suites()}.values():
        carries = suite.layout.carries
        for kind in carries.truths or (None,):
            path = folder / "-".join([suite.layout.name, *([kind.__name__] if kind else [])])
            _write(suite, kind, path)
            seeds[path.name] = (suite.layout.name, path)
    return seeds


def _write(suite: type[LayoutSuite], kind: type[Any] | None, path: Path) -> None:
    carries = replace(suite.layout.carries, unlabelled=kind is None)
    ontology = suite.classes or _drawn(ontologies(carries))
    record = _drawn(records(carries, name="one", ontology=ontology, kind=kind).filter(_says_something))
    shutil.rmtree(path, ignore_errors=True)
    write_layout(suite.layout, suite().arranged({"one": record}).values(), path)


def _says_something(record: Record) -> bool:
    """Labels without a cell look alike in many layouts."""
    truth = record.truth
    while isinstance(truth, Readings):
        truth = next(iter(truth.by.values()))
    if isinstance(truth, LabelMap):
        return truth.ids.size > 0
    if isinstance(truth, OverlappingCells):
        return len(truth.cells) > 0
    if isinstance(truth, LabelMovie | PointTracks):
        return len(truth.lineage.tracks) > 0
    return not isinstance(truth, CellBoxes) or len(truth.boxes) > 0


def _drawn(strategy: st.SearchStrategy[Any]) -> Any:
    """One value of ``strategy``, the same each time."""
    found: list[Any] = []

    @seed(0)
    @settings(
        max_examples=4, database=None, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def take(value: Any) -> None:
        found.append(value)

    take()
    return found[-1]


def files_of(path: Path) -> list[Path]:
    """The files of a seed, the larger less often first: each is as likely to be broken as any other."""
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def copy_of(path: Path, into: Path, rng: random.Random) -> tuple[Path, Path]:
    """A copy of a seed below ``into``, and the one file in it that is to be broken."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    target = into / path.name
    if path.is_file():
        shutil.copyfile(path, target)
        return target, target
    shutil.copytree(path, target)
    return target, rng.choice(files_of(target))
