"""A class for every pixel that somebody is sure of: 0 is unknown, ``k + 1`` the class at place ``k``."""

from __future__ import annotations

import numpy as np

from backend.annotation.kinds.contract import Ground
from backend.annotation.kinds.painting import Painted
from cellcommons.errors import InvalidDocument
from cellcommons.reading import Reading


class SemanticSegmentation(Painted):
    task = "semantic_segmentation"
    needs_classes = True

    def check_reading(self, ground: Ground, reading: Reading) -> None:
        assert ground.ontology is not None  # held by Postgres: campaign_has_its_classes
        highest = int(reading.labels.max(initial=0))
        if highest > len(ground.ontology):
            raise InvalidDocument(
                f"pixel value {highest} names no class",
                where="raster",
                remedy=f"0 is unknown, 1 to {len(ground.ontology)} are: {ground.ontology.listed()}.",
            )

    def count(self, reading: Reading, ground: Ground) -> int:
        return int(np.count_nonzero(np.unique(reading.labels)))
