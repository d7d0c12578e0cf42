"""Generated images of each task as the items of a release, their labels exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from cellcommons.classes import Ontology
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.images.outline import read_outline
from cellcommons.indexes import SPLITS, Provenance, ReleaseItem
from cellcommons.kinds.given import read_given
from cellcommons.kinds.registry import kind_of
from cellcommons.kinds.semantic_segmentation import class_raster
from cellcommons.links import detections_of
from cellcommons.reading import Reading, write_reading
from cellcommons.store import FolderStore
from cellcommons.synthetic.cells import generate_cells
from cellcommons.synthetic.classes import KINDS, generate_class_field, generate_crop
from cellcommons.synthetic.movies import generate_movie
from cellcommons.synthetic.pairs import generate_pair
from cellcommons.synthetic.semantic import TISSUE, generate_tissue
from cellcommons.tree import Tree

Companions = dict[str, Tree]


@dataclass(frozen=True)
class Made:
    """One generated image: its tree, its labels, and what is given beside it."""

    image: ImageData
    reading: Reading
    companions: Companions = field(default_factory=dict)


def _instances(store: FolderStore, seed: int, size: int) -> Made:
    made = generate_cells(seed, height=size, width=size, count=5)
    return Made(ImageData(made.image, "cyx", made.channels, made.pixel_size), Reading(made.labels))


def _tissue(store: FolderStore, seed: int, size: int) -> Made:
    made = generate_tissue(seed, height=size, width=size, unknown_border=1)
    return Made(ImageData(made.image, "cyx", made.channels), Reading(class_raster(made.truth)))


def _classes(store: FolderStore, seed: int, size: int) -> Made:
    made = generate_class_field(seed, height=size, width=size, count=6)
    values = {str(cell): list(names) for cell, names in made.truth.classes.items()}
    image = ImageData(made.image, "cyx", ("stain",), made.pixel_size)
    return Made(image, Reading(None, values), {"cells": write_labels(store, made.truth.labels.data)})


def _crops(store: FolderStore, seed: int, size: int) -> Made:
    """A whole image of one class."""
    name = KINDS.names[seed % len(KINDS)]
    made = generate_crop(seed, kind=name, side=size)
    return Made(ImageData(made.image, "cyx", ("stain",)), Reading(None, {"0": [name]}))


def _movie(store: FolderStore, seed: int, size: int) -> Made:
    movie = generate_movie(seed, density="easy", frames=10, height=size, width=size, count=4)
    detections, links = detections_of(movie.truth)
    image = ImageData(movie.image, "tcyx", movie.channels, movie.truth.pixel_size, seconds_per_frame=300)
    return Made(image, Reading(None, links), {"detections": write_reading(store, Reading(detections))})


def _pair(store: FolderStore, seed: int, size: int) -> Made:
    made = generate_pair(seed, height=size, width=size, planes=3)
    marks = np.zeros((size, size), np.uint32)
    marks[2:10, 4:12] = 1
    return Made(made.source, Reading(marks), {"target": write_image(store, made.pair.target)})


MAKERS: dict[str, tuple[Callable[[FolderStore, int, int], Made], Ontology | None, int]] = {
    "instance_segmentation": (_instances, None, 64),
    "semantic_segmentation": (_tissue, TISSUE, 64),
    "classification": (_classes, KINDS, 96),
    "whole images": (_crops, KINDS, 48),
    "tracking": (_movie, None, 96),
    "augmented": (_pair, None, 64),
}


def task_items(
    store: FolderStore, task: str, *, count: int = 6, size: int | None = None, whole: bool = False, seed: int = 0
) -> Iterator[ReleaseItem]:
    """``count`` items of ``task``, two thirds of them for training, each of a source of its own.

    Args:
        whole: classify whole images rather than cells.
    """
    make, ontology, side = MAKERS["whole images" if whole else task]
    kind = kind_of(task)
    for number in range(count):
        made = make(store, seed + number, size or side)
        tree = write_image(store, made.image)
        companions = {name: tree.digest for name, tree in made.companions.items()}
        given = read_given(store, companions, read_outline(store, tree.digest))
        yield ReleaseItem(
            image=f"image-{number}",
            name=f"{task} {number}",
            tree=tree.digest,
            labels=write_reading(store, made.reading, made.image.pixel_size).digest,
            split=SPLITS[(0, 0, 0, 0, 1, 2)[number % 6]],
            source=f"source-{number}",
            stratum="generated",
            channels=made.image.channels,
            height=made.image.shape_yx[0],
            width=made.image.shape_yx[1],
            cells=kind.rows(made.reading, given, ontology),
            provenance=Provenance("single", f"consensus-{number}", (f"reading-{number}",), ("p1",)),
            companions=companions,
        )
