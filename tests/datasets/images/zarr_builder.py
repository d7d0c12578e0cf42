"""OME-Zarr folders as their specification has them, small, for tests that read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import zarr

TYPES = {"t": "time", "c": "channel"}
UNITS = {"t": "millisecond", "z": "nanometer", "y": "micrometer", "x": "micrometer"}
SCALE = {"t": 1500.0, "c": 1.0, "z": 250.0, "y": 0.5, "x": 0.25}


def random(shape: tuple[int, ...], dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(0).integers(1, 200, shape).astype(dtype)


def multiscales(axes: str, *, units: bool = True) -> list[dict[str, Any]]:
    named = [
        {"name": a, "type": TYPES.get(a, "space"), **({"unit": UNITS[a]} if a in UNITS and units else {})} for a in axes
    ]
    transforms = [{"type": "scale", "scale": [SCALE[a] for a in axes]}]
    return [{"axes": named, "datasets": [{"path": "0", "coordinateTransformations": transforms}]}]


def write_group(folder: Path, attributes: dict[str, Any], version: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if version == 2:
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps(attributes))
    else:
        document = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", **attributes}}}
        (folder / "zarr.json").write_text(json.dumps(document))


def write_array(folder: Path, array: np.ndarray, version: int, **options: Any) -> None:
    chunks = options.pop("chunks", tuple(min(16, n) for n in array.shape))
    made = zarr.create_array(
        str(folder), shape=array.shape, dtype=array.dtype, chunks=chunks, zarr_format=version, **options
    )
    made[...] = array


def ome_zarr(folder: Path, array: np.ndarray, axes: str, version: int = 3, **options: Any) -> Path:
    extra = options.pop("extra", {})
    units = options.pop("units", True)
    write_group(folder, {"multiscales": multiscales(axes, units=units), **extra}, version)
    write_array(folder / "0", array, version, **options)
    return folder
