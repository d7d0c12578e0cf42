"""Which facts a record holds that a layout may have no place for."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cellcommons.classes import CellBoxes, CellClasses, ImageClasses, Ontology
from cellcommons.images.data import ImageData, Wavelengths
from cellcommons.keypoints import Keypoints
from cellcommons.labels import Cell, LabelMap
from cellcommons.layouts.carries import Feature, Mode, features
from cellcommons.layouts.contract import Entry, Record
from cellcommons.overlapping import OverlappingCells
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.readings import Readings, Truth
from cellcommons.semantic import UNKNOWN, SemanticMap
from cellcommons.tracks import LabelMovie, Lineage

RGB = ("red", "green", "blue")


def mode_of(image: ImageData) -> Mode:
    """How the image's channels are meant."""
    return "rgb" if image.rgb else "gray" if image.size("c") == 1 else "stains"


def default_channels(image: ImageData) -> tuple[str, ...]:
    """The names that channels have where nobody gave them any."""
    count = image.size("c")
    return RGB if image.rgb else ("intensity",) if count == 1 else tuple(f"channel {n + 1}" for n in range(count))


def features_used(record: Record) -> set[Feature]:
    """Every feature of ``record`` that would be missed if it were gone."""
    used = _of_entry(record.entry)
    if record.pixels is not None:
        used |= _of_image(record.pixels)
    if record.truth is not None:
        used |= features("truth") | of_truth(record.truth)
    return used


def _of_entry(entry: Entry) -> set[Feature]:
    used: set[Feature] = set()
    if not is_file_name(entry.name):
        used.add("names")
    if entry.metadata.get("source_known", True) and entry.source not in ("", entry.name):
        used.add("source")
    if entry.stratum:
        used.add("stratum")
    if entry.split:
        used.add("split")
    return used


def _of_image(image: ImageData) -> set[Feature]:
    used: set[Feature] = set()
    if any(size is not None for size in (image.pixel_size.y, image.pixel_size.x, image.pixel_size.z)):
        used.add("pixel_size")
    if image.channels != default_channels(image):
        used.add("channel_names")
    if any(light != Wavelengths() for light in image.wavelengths):
        used.add("wavelengths")
    if image.seconds_per_frame is not None:
        used.add("seconds_per_frame")
    if image.position is not None:
        used.add("plate_position")
    if any(axis in image.axes and image.size(axis) == 1 for axis in "tz"):
        used.add("thin_axes")
    return used


def of_truth(truth: Truth) -> set[Feature]:
    """The features of a truth alone."""
    used: set[Feature] = set()
    if isinstance(truth, Readings):
        used.add("readings")
        if truth.consensus is not None:
            used.add("consensus")
        for one in (*truth.by.values(), truth.consensus):
            used |= of_truth(one) if one is not None else set()
        return used
    if getattr(truth, "annotated", None) is not None:
        used.add("annotated")
    if isinstance(truth, LabelMap):
        used |= _of_numbers(truth.ids.tolist()) | features("outlines")
        if truth.axes == "yx":
            used |= _of_outlines(tuple(truth.cells()))
    elif isinstance(truth, CellClasses):
        used |= of_truth(truth.labels) | features("classes") | _of_ontology(truth.ontology, truth.classes.values())
        if truth.unclassified:
            used.add("unclassified")
    elif isinstance(truth, OverlappingCells):
        used |= features("outlines") | _of_outlines(truth.cells) | _of_numbers([cell.id for cell in truth.cells])
        if truth.overlap:
            used.add("overlaps")
        if truth.ontology is not None:
            used |= features("classes") | _of_ontology(truth.ontology, truth.classes.values())
            if len(truth.classes) < len(truth.cells):
                used.add("unclassified")
    elif isinstance(truth, CellBoxes):
        used |= features("classes") | _of_ontology(truth.ontology, ((box.name,) for box in truth.boxes))
    elif isinstance(truth, ImageClasses):
        used |= _of_ontology(truth.ontology, (truth.classes,))
    elif isinstance(truth, SemanticMap):
        present = [truth.ontology.names[k] for k in np.unique(truth.data).tolist() if k != UNKNOWN]
        used |= _of_ontology(truth.ontology, (present,))
        if (truth.data == UNKNOWN).any():
            used.add("unknown")
    elif isinstance(truth, Keypoints):
        if truth.hidden is not None and truth.hidden.any():
            used.add("hidden")
        if truth.objects != tuple(str(n + 1) for n in range(len(truth.objects))):
            used.add("object_names")
        placed = truth.positions[truth.placed]
        if (placed != np.rint(placed)).any():
            used.add("subpixel")
    elif isinstance(truth, LabelMovie | PointTracks):
        used |= _of_lineage(truth.lineage)
        if truth.seconds_per_frame is not None:
            used.add("seconds_per_frame")
        if isinstance(truth, PointTracks) and not np.isnan(truth.radii).all():
            used.add("radii")
    elif isinstance(truth, ImagePair):
        used |= _of_image(truth.target)
    return used


def _of_ontology(ontology: Ontology, given: object) -> set[Feature]:
    used: set[Feature] = set()
    occurring = {name for names in given for name in names}  # type: ignore[attr-defined]
    if ontology.names != tuple(sorted(occurring)):
        used.add("class_order")
    if ontology.ordinal:
        used.add("ordinal")
    if ontology.multi:
        used.add("multi")
    return used


def _of_numbers(ids: list[int]) -> set[Feature]:
    return set() if ids == list(range(1, len(ids) + 1)) else set(features("ids"))


def _of_outlines(cells: tuple[Cell, ...]) -> set[Feature]:
    used: set[Feature] = set()
    for cell in cells:
        if "pieces" not in used and ndimage.label(cell.mask)[1] > 1:
            used.add("pieces")
        if "holes" not in used:
            # Background that touches at corners only is one: a polygon of pixel edges goes round it in one go.
            outside = np.pad(~cell.mask, 1, constant_values=True)
            if ndimage.label(outside, structure=np.ones((3, 3)))[1] > 1:
                used.add("holes")
    return used


def _of_lineage(lineage: Lineage) -> set[Feature]:
    children: dict[int, int] = {}
    for track in lineage.tracks:
        if track.parent is not None:
            children[track.parent] = children.get(track.parent, 0) + 1
    used: set[Feature] = _of_numbers([track.id for track in lineage.tracks])
    if any(count > 1 for count in children.values()):
        used.add("divisions")
    if any(count == 1 for count in children.values()):
        used.add("gaps")
    return used


def is_file_name(name: str) -> bool:
    """Whether ``name`` can be the name of one file anywhere: no separators, nothing hidden, nothing reserved."""
    return (
        0 < len(name.encode()) <= 200
        and name == name.strip()
        and not name.startswith(".")
        and not name.endswith(".")
        and not any(letter in '/\\:*?"<>|' or not letter.isprintable() for letter in name)
    )
