"""Every cell outlined: the raster holds cell ids."""

from __future__ import annotations

import numpy as np

from backend.annotation.kinds.contract import Ground
from backend.annotation.kinds.painting import Painted
from cellcommons.reading import Reading


class InstanceSegmentation(Painted):
    task = "instance_segmentation"
    needs_classes = False

    def check_reading(self, ground: Ground, reading: Reading) -> None:
        return None

    def count(self, reading: Reading, ground: Ground) -> int:
        return int(np.count_nonzero(np.unique(reading.labels)))
