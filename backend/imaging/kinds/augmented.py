"""Pairs: the counterpart is given, for people judge it and models learn from it; nothing is kept from anybody."""

from __future__ import annotations

from backend.imaging.kinds.contract import Given, Kept
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image
from cellcommons.pairs import ImagePair
from cellcommons.store import ObjectStore


class PairTruth:
    task = "augmented"
    types = (ImagePair,)

    def keep(self, store: ObjectStore, image: ImageData, truth: ImagePair) -> Kept:
        # The pair is checked when it is made: one size, one pixel size.
        target = ImagePair.of(image, truth.target).target
        return Kept({"target": Given(write_image(store, target).digest, {"channels": list(target.channels)})})
