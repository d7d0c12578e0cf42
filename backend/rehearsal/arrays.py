"""Arrays and readings of the hub, read over HTTP as the OME-Zarr and JSON they are."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from backend.rehearsal.api import Api
from cellcommons.errors import NotFound
from cellcommons.labels import Labels, as_labels
from cellcommons.reading import Reading, Value


def read_array_over_http(api: Api, zarr_url: str) -> NDArray[Any]:
    """Level 0 of the OME-Zarr at ``zarr_url``, as it is kept. Raises NotFound."""
    root = zarr_url.rstrip("/")
    prototype = default_buffer_prototype()
    files: dict[str, bytes] = {}
    for name in ("zarr.json", "0/zarr.json"):
        data = api.bytes(f"{root}/{name}")
        if data is None:
            raise NotFound("the array has no such file", where=f"{root}/{name}")
        files[name] = data
    array = json.loads(files["0/zarr.json"])
    grid = array["chunk_grid"]["configuration"]["chunk_shape"]
    counts = [-(-size // chunk) for size, chunk in zip(array["shape"], grid, strict=True)]
    for index in product(*map(range, counts)):
        name = "0/c/" + "/".join(map(str, index))
        # A chunk that holds only the fill value is not stored.
        if (data := api.bytes(f"{root}/{name}")) is not None:
            files[name] = data
    store = MemoryStore({name: prototype.buffer.from_bytes(data) for name, data in files.items()})
    return np.asarray(zarr.open_array(store, path="0", mode="r")[...])


def read_labels_over_http(api: Api, zarr_url: str) -> Labels:
    """The label map at ``zarr_url``: uint32, axes yx. Raises NotFound."""
    return as_labels(read_array_over_http(api, zarr_url))


def read_values_over_http(api: Api, zarr_url: str) -> dict[str, Value]:
    """The answers of the reading at ``zarr_url``. Raises NotFound where it has none."""
    data = api.bytes(f"{zarr_url.rstrip('/')}/values.json")
    if data is None:
        raise NotFound("the reading holds no answers", where=zarr_url)
    values: dict[str, Value] = json.loads(data)
    return values


def read_reading_over_http(api: Api, zarr_url: str, *, paints: bool) -> Reading:
    """The reading at ``zarr_url``: its raster, where the task paints, else its answers."""
    if paints:
        return Reading(read_labels_over_http(api, zarr_url))
    return Reading(None, read_values_over_http(api, zarr_url))
