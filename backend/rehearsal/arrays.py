"""Label maps of the hub, read over HTTP as the OME-Zarr they are."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from backend.rehearsal.api import Api
from cellcommons.errors import NotFound
from cellcommons.labels import Labels, as_labels


def read_labels_over_http(api: Api, zarr_url: str) -> Labels:
    """Level 0 of the label map at ``zarr_url``: uint32, axes yx. Raises NotFound."""
    root = zarr_url.rstrip("/")
    prototype = default_buffer_prototype()
    files: dict[str, bytes] = {}
    for name in ("zarr.json", "0/zarr.json"):
        data = api.bytes(f"{root}/{name}")
        if data is None:
            raise NotFound("the label map has no such file", where=f"{root}/{name}")
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
    return as_labels(np.asarray(zarr.open_array(store, path="0", mode="r")[...]))
