"""Images that come with what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from backend.imaging.conversion import Naming, convert_image
from backend.imaging.models import Dataset, Image
from backend.imaging.services.images import add_image
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.layouts.contract import Truth
from cellcommons.store import ObjectStore


@pytest.fixture
def bring(dataset: Dataset, store: ObjectStore, tmp_path: Path) -> Callable[..., Image]:
    """``bring(pixels, axes, truth)``: an image that came with ``truth``, the way an import brings it."""

    def make(pixels: np.ndarray, axes: str, truth: Callable[[ImageData], Truth] | None, name: str = "one") -> Image:
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, pixels, metadata={"axes": axes.upper()}, ome=True)
        image = read_image(path)
        said = truth(image) if truth else None
        converted = convert_image(store, image, Naming(name, path, path.name), truth=said)
        return add_image(dataset=dataset, converted=converted)

    return make
