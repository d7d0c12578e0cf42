"""Make a record fit a layout: refuse what would be lost, or drop it where that was asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from cellcommons.axes import PixelSize
from cellcommons.classes import CellBox, CellBoxes, CellClasses, Ontology
from cellcommons.errors import CannotCarry
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell, LabelMap, relabel
from cellcommons.layouts.carries import FEATURES, Carries, Feature
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.used import default_channels, features_used, mode_of, of_truth
from cellcommons.overlapping import OverlappingCells
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.readings import Readings, Truth
from cellcommons.tracks import LabelMovie

CELL = "cell"
_OTHERWISE = "Write it in a layout that can (`cellcommons layouts` lists them), or drop it with --drop {}."


def checked_drop(drop: Collection[str]) -> frozenset[Feature]:
    """``drop`` as features; ``all`` is every one. Raises CannotCarry, naming those there are."""
    unknown = sorted(set(drop) - set(FEATURES) - {"all"})
    if unknown:
        raise CannotCarry(
            f"{unknown[0]!r} is nothing that can be dropped", remedy=f"Choose among: all, {', '.join(FEATURES)}."
        )
    return frozenset(FEATURES) if "all" in drop else frozenset(one for one in FEATURES if one in drop)


def fitted(record: Record, carries: Carries, layout: str, drop: frozenset[Feature]) -> tuple[Record, set[Feature]]:
    """``record`` as ``layout`` can hold it, and what was dropped for it.

    Raises:
        CannotCarry: the image, its kind of truth, or a feature that may not be dropped has no place in the layout.
    """
    where = record.entry.name
    if record.truth is not None and not carries.truths and "truth" in drop:
        record = replace(record, truth=None)
        dropped: set[Feature] = {"truth"}
    else:
        truth, dropped = _as_kind(record.truth, carries, layout, where, drop)
        record = replace(record, truth=truth)
    if record.truth is None and not carries.unlabelled:
        raise CannotCarry(f"it has no labels, and {layout} holds labelled images only", where=where)
    over = (features_used(record) - carries.features) - {"truth"}
    _refuse(over - drop, layout, where)
    for feature in sorted(over):
        record = _without(record, feature)
    _check_image(record, carries, layout)
    return record, dropped | over


def _refuse(over: Collection[Feature], layout: str, where: str) -> None:
    if over:
        names = sorted(over)
        raise CannotCarry(
            f"{layout} has no place for: {', '.join(names)}",
            where=where,
            remedy=_OTHERWISE.format(",".join(names)),
            features=tuple(names),
        )


def _as_kind(
    truth: Truth | None, carries: Carries, layout: str, where: str, drop: frozenset[Feature]
) -> tuple[Truth | None, set[Feature]]:
    """The truth as one of the layout's types: lossless where that goes, else with what was allowed to be dropped."""
    lost: set[Feature] = set()
    while truth is not None and type(truth) not in carries.truths:
        step = _next_kind(truth, carries.truths)
        if step is None:
            takes = ", ".join(kind.__name__ for kind in carries.truths) or "no labels"
            raise CannotCarry(
                f"{layout} cannot hold {type(truth).__name__} (it holds {takes})", where=where, features=("truth",)
            )
        truth, loses = step
        _refuse(loses - drop, layout, where)
        lost |= loses
    return truth, lost


def _next_kind(truth: Truth, kinds: tuple[type[Any], ...]) -> tuple[Truth, set[Feature]] | None:
    """One step towards a type in ``kinds``, and what it loses."""
    if isinstance(truth, Readings):
        return None if truth.consensus is None else (truth.consensus, {"readings"})
    if isinstance(truth, CellClasses) or (isinstance(truth, LabelMap) and truth.axes == "yx"):
        if OverlappingCells in kinds:
            return OverlappingCells.of(truth), set()
        if isinstance(truth, CellClasses) and LabelMap in kinds:
            return truth.labels, {"classes"}
        if isinstance(truth, LabelMap) and CellClasses in kinds:
            everything = {int(cell): (CELL,) for cell in truth.ids}
            return CellClasses(truth, everything, Ontology((CELL,))), set()
        return (OverlappingCells.of(truth), set()) if CellBoxes in kinds else None
    if isinstance(truth, LabelMovie):
        return (PointTracks.of(truth), {"outlines"}) if PointTracks in kinds else None
    if isinstance(truth, OverlappingCells):
        if CellClasses in kinds and truth.ontology is not None:
            labels = truth.label_map()[0]
            left = {cell: names for cell, names in truth.classes.items() if cell in set(labels.ids.tolist())}
            return CellClasses(labels, left, truth.ontology), {"overlaps"} if truth.overlap else set()
        if LabelMap in kinds or CellClasses in kinds:
            lost: set[Feature] = {"overlaps"} if truth.overlap else set()
            return truth.label_map()[0], lost | ({"classes"} if truth.ontology is not None else set())
        if CellBoxes in kinds:
            return _boxes(truth), {"outlines"}
    return None


def _boxes(cells: OverlappingCells) -> CellBoxes:
    ontology = Ontology((CELL,))
    if cells.ontology is not None and not cells.ontology.multi and len(cells.classes) == len(cells.cells):
        ontology = cells.ontology
    boxes = tuple(
        CellBox(cell.box, cells.classes[cell.id][0] if ontology is cells.ontology else CELL) for cell in cells.cells
    )
    return CellBoxes(boxes, cells.shape, ontology, annotated=cells.annotated)


def _check_image(record: Record, carries: Carries, layout: str) -> None:
    image, where = record.pixels, record.entry.name
    if not carries.images:
        return
    if image is None:
        raise CannotCarry(f"its image is not there, and {layout} holds images", where=where)
    if image.axes not in carries.axes:
        raise CannotCarry(
            f"{layout} holds images with axes {' or '.join(carries.axes)}, not {image.axes}",
            where=where,
            remedy="Take single planes, frames or projections of it, or choose another layout.",
        )
    if image.data.dtype.name not in carries.dtypes:
        raise CannotCarry(
            f"{layout} holds pixels of {', '.join(carries.dtypes)}, not {image.data.dtype}",
            where=where,
            remedy="Convert the pixels first (say how they are to be scaled), or choose another layout.",
        )
    if mode_of(image) not in carries.modes:
        said = {"gray": "one channel", "rgb": "a colour picture", "stains": f"{image.size('c')} channels"}
        raise CannotCarry(f"{layout} cannot hold {said[mode_of(image)]}", where=where, remedy="Choose another layout.")


def _without(record: Record, feature: Feature) -> Record:
    """``record`` with ``feature`` gone."""
    entry, image, truth = record.entry, record.pixels, record.truth
    if feature in ("names", "source", "stratum", "split"):
        return replace(record, entry=_entry_without(entry, feature))
    if feature in ("pixel_size", "channel_names", "wavelengths", "seconds_per_frame", "plate_position", "thin_axes"):
        image = None if image is None else _image_without(image, feature)
        if isinstance(truth, ImagePair):
            truth = ImagePair(_image_without(truth.target, feature), truth.source_shape)
        if hasattr(truth, "seconds_per_frame") and feature == "seconds_per_frame":
            truth = replace(truth, seconds_per_frame=None)  # type: ignore[type-var]
        if hasattr(truth, "pixel_size") and feature == "pixel_size" and not isinstance(truth, ImagePair):
            truth = replace(truth, pixel_size=PixelSize())  # type: ignore[type-var]
        return replace(record, pixels=image, truth=truth)
    if isinstance(truth, Readings):
        if feature == "consensus":
            return replace(record, truth=Readings(truth.by))
        by = {who: _truth_without(one, feature) for who, one in truth.by.items()}
        fused = None if truth.consensus is None else _truth_without(truth.consensus, feature)
        return replace(record, truth=Readings(by, fused))
    return replace(record, truth=None if truth is None else _truth_without(truth, feature))


def _entry_without(entry: Entry, feature: Feature) -> Entry:
    if feature == "names":
        kept = "".join(letter if letter.isalnum() or letter in "-_. " else "_" for letter in entry.name).strip(" .")
        return replace(entry, name=kept or "image", source=kept if entry.source == entry.name else entry.source)
    if feature == "source":
        return replace(entry, source=entry.name, metadata={**entry.metadata, "source_known": False})
    return replace(entry, stratum="") if feature == "stratum" else replace(entry, split="")


def _image_without(image: ImageData, feature: Feature) -> ImageData:
    if feature == "pixel_size":
        return replace(image, pixel_size=PixelSize())
    if feature == "channel_names":
        return replace(image, channels=default_channels(image))
    if feature == "wavelengths":
        return replace(image, wavelengths=())
    if feature == "thin_axes":
        thin = tuple(n for n, axis in enumerate(image.axes) if axis in "tz" and image.data.shape[n] == 1)
        axes = "".join(axis for n, axis in enumerate(image.axes) if n not in thin)
        return replace(image, data=image.data.squeeze(axis=thin), axes=axes)
    return replace(image, seconds_per_frame=None) if feature == "seconds_per_frame" else replace(image, position=None)


def _truth_without(truth: Any, feature: Feature) -> Any:
    if feature not in of_truth(truth):
        return truth
    if feature == "annotated":
        if isinstance(truth, CellClasses):
            return replace(truth, labels=replace(truth.labels, annotated=None))
        return replace(truth, annotated=None)
    if feature == "ids" and isinstance(truth, LabelMap):
        return replace(truth, data=relabel(truth.data.reshape(-1, truth.data.shape[-1])).reshape(truth.data.shape))
    if feature == "ids" and isinstance(truth, OverlappingCells | CellClasses):
        return _renumbered(truth)
    if feature == "classes" and isinstance(truth, OverlappingCells):
        return replace(truth, classes={}, ontology=None)
    if feature == "ordinal":
        return replace(truth, ontology=replace(truth.ontology, ordinal=False))
    if feature == "radii":
        return replace(truth, radii=np.full_like(truth.radii, np.nan))
    if feature == "hidden" and isinstance(truth, Keypoints):
        return replace(truth, hidden=None)
    if feature == "object_names" and isinstance(truth, Keypoints):
        return replace(truth, objects=tuple(str(n + 1) for n in range(len(truth.objects))))
    if feature == "subpixel" and isinstance(truth, Keypoints):
        return replace(truth, positions=np.rint(truth.positions))
    # The rest (holes, pieces, unclassified, class order, unknown, divisions, gaps) goes with the layout's own writing:
    # a polygon without its holes, a table of those classes that occur. There is nothing to do beforehand.
    return truth


def _renumbered(truth: OverlappingCells | CellClasses) -> OverlappingCells | CellClasses:
    if isinstance(truth, CellClasses):
        ids = truth.labels.ids.tolist()
        new = {old: number for number, old in enumerate(ids, start=1)}
        labels = replace(truth.labels, data=relabel(truth.labels.data))
        return CellClasses(labels, {new[old]: names for old, names in truth.classes.items()}, truth.ontology)
    new = {cell.id: number for number, cell in enumerate(truth.cells, start=1)}
    cells = tuple(Cell(new[cell.id], cell.box, cell.mask, cell.area) for cell in truth.cells)
    return replace(truth, cells=cells, classes={new[old]: names for old, names in truth.classes.items()})
