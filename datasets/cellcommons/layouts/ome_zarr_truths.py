"""Truths of every kind as JSON and rasters of ids, as they are kept beside an OME-Zarr image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.classes import CellBox, CellBoxes, CellClasses, ImageClasses, Ontology, parse_ontology
from cellcommons.errors import InvalidDocument
from cellcommons.images.data import ImageData
from cellcommons.keypoints import Keypoints
from cellcommons.labels import LabelMap, Mask
from cellcommons.overlapping import OverlappingCells
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.readings import Readings, Truth
from cellcommons.semantic import SemanticMap
from cellcommons.tracks import LabelMovie, Lineage, lineage_from_rows

Ids = NDArray[np.uint32]


@dataclass(frozen=True)
class Raster:
    """A label image beside the image.

    Attributes:
        data: ids, axes ``axes``: yx, zyx or tyx. properties: of ids, as OME-Zarr's ``image-label`` lists them.
    """

    data: Ids
    axes: str
    properties: tuple[dict[str, Any], ...] = ()


@dataclass
class Encoded:
    """A truth on its way to a folder: ``document`` is JSON, and names the rasters and images that it needs."""

    document: dict[str, Any]
    rasters: dict[str, Raster] = field(default_factory=dict)
    images: dict[str, ImageData] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """What lies beside the document: ``raster`` and ``picture`` read one by name; ``image`` is what it is about."""

    image: ImageData
    raster: Callable[[str], tuple[Ids, str]]
    picture: Callable[[str], ImageData]


def encode(truth: Truth, prefix: str = "") -> Encoded:
    """``truth`` as JSON, rasters and images. Raises InvalidDocument for a type that is not known here."""
    if isinstance(truth, Readings):
        return _encode_readings(truth)
    said = Encoded({"type": type(truth).__name__})
    document = said.document
    annotated = getattr(truth, "annotated", None)
    if annotated is not None:
        axes = truth.axes if isinstance(truth, LabelMap) else "yx"
        document["annotated"] = f"{prefix}annotated"
        said.rasters[f"{prefix}annotated"] = Raster(annotated.astype(np.uint32), axes)
    if isinstance(truth, LabelMap):
        document["raster"] = f"{prefix}cells"
        said.rasters[f"{prefix}cells"] = Raster(truth.data, truth.axes)
    elif isinstance(truth, CellClasses):
        inner = encode(truth.labels, prefix)
        said.rasters, cells = inner.rasters, inner.rasters[f"{prefix}cells"]
        said.rasters[f"{prefix}cells"] = Raster(cells.data, cells.axes, _properties(truth.classes))
        document |= {"labels": inner.document, **_classes(truth.classes, truth.ontology)}
    elif isinstance(truth, OverlappingCells):
        layers = _layers(truth)
        names = [f"{prefix}cells" + (f"-{number}" if number > 1 else "") for number in range(1, len(layers) + 1)]
        own = _properties(truth.classes)
        for name, layer in zip(names, layers, strict=True):
            there = set(np.unique(layer).tolist())
            said.rasters[name] = Raster(layer, "yx", tuple(one for one in own if one["label-value"] in there))
        document |= {"rasters": names, **_classes(truth.classes, truth.ontology)}
    elif isinstance(truth, SemanticMap):
        listed = tuple({"label-value": k + 1, "class": name} for k, name in enumerate(truth.ontology.names))
        raster = np.where(truth.known, truth.data.astype(np.uint32) + 1, 0).astype(np.uint32)
        said.rasters[f"{prefix}classes"] = Raster(raster, "yx", listed)
        document |= {"raster": f"{prefix}classes", "ontology": truth.ontology.document(), "unknown": truth.unknown}
    elif isinstance(truth, ImageClasses):
        document |= {"classes": list(truth.classes), "ontology": truth.ontology.document()}
    elif isinstance(truth, CellBoxes):
        boxes = [[*box.box, box.name] for box in truth.boxes]
        document |= {"boxes": boxes, "shape": list(truth.shape), "ontology": truth.ontology.document()}
    elif isinstance(truth, Keypoints):
        assert truth.hidden is not None
        document |= {
            "positions": _numbers(truth.positions),
            "landmarks": list(truth.landmarks),
            "objects": list(truth.objects),
            "hidden": truth.hidden.tolist(),
            "shape": list(truth.shape),
        }
    elif isinstance(truth, LabelMovie):
        said.rasters[f"{prefix}tracks"] = Raster(truth.data, "tyx")
        document |= {"raster": f"{prefix}tracks", "lineage": truth.lineage.rows(), "seconds": truth.seconds_per_frame}
    elif isinstance(truth, PointTracks):
        document |= {
            "positions": _numbers(truth.positions),
            "radii": _numbers(truth.radii),
            "lineage": truth.lineage.rows(),
            "seconds": truth.seconds_per_frame,
        }
    elif isinstance(truth, ImagePair):
        document["target"] = f"{prefix}target"
        said.images[f"{prefix}target"] = truth.target
    else:
        raise InvalidDocument(f"a truth of type {type(truth).__name__} is not known")
    return said


def decode(document: Any, beside: Beside, *, where: str) -> Truth:
    """The truth of ``encode``'s document.

    Raises:
        InvalidDocument: it is damaged, or says what cannot be. NotFound and so on: as the rasters' reader.
    """
    try:
        truth: Truth = _decoded(document, beside, readings=True)
        return truth
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise InvalidDocument(f"what is said of its labels is damaged ({error!r:.120})", where=where) from error
    except InvalidDocument as error:
        raise InvalidDocument(error.what, where=f"{where}, {error.where}", remedy=error.remedy) from error


def _decoded(said: Any, beside: Beside, *, readings: bool = False) -> Any:
    kind, image = said["type"], beside.image
    size = image.pixel_size
    if kind == "Readings" and readings:
        consensus = said["consensus"]
        by = {str(who): _decoded(one, beside) for who, one in said["by"].items()}
        return Readings(by, None if consensus is None else _decoded(consensus, beside))
    if kind == "CellClasses":
        labels = _decoded(said["labels"], beside)
        if not isinstance(labels, LabelMap):
            raise ValueError("its cells are no label map")
        return CellClasses(labels, _cells(said), parse_ontology(said["ontology"]))
    region = _region(said, beside)
    if kind == "LabelMap":
        data, axes = beside.raster(said["raster"])
        return LabelMap(data, size, axes, region)
    if kind == "OverlappingCells":
        layers = [LabelMap(beside.raster(name)[0]) for name in said["rasters"]]
        ontology = None if said["ontology"] is None else parse_ontology(said["ontology"])
        cells = tuple(cell for layer in layers for cell in layer.cells())
        return OverlappingCells(cells, image.shape_yx, size, _cells(said), ontology, annotated=region)
    if kind == "SemanticMap":
        data, unknown, ontology = beside.raster(said["raster"])[0], said["unknown"], parse_ontology(said["ontology"])
        if type(unknown) is not int or int(data.max(initial=0)) > len(ontology):
            raise ValueError("a class that is not listed")
        classes = np.where(data > 0, data.astype(np.int64) - 1, unknown).astype(np.uint8)
        return SemanticMap(classes, ontology, unknown, size)
    if kind == "ImageClasses":
        return ImageClasses(tuple(said["classes"]), parse_ontology(said["ontology"]))
    if kind == "CellBoxes":
        boxes = tuple(
            CellBox((_whole(a), _whole(b), _whole(c), _whole(d)), str(name)) for a, b, c, d, name in said["boxes"]
        )
        return CellBoxes(boxes, _shape(said), parse_ontology(said["ontology"]), region)
    if kind == "Keypoints":
        landmarks, objects = tuple(map(str, said["landmarks"])), tuple(map(str, said["objects"]))
        positions = np.array(said["positions"], dtype=np.float64).reshape(len(objects), len(landmarks), 2)
        hidden = np.array(said["hidden"], dtype=np.bool_).reshape(len(objects), len(landmarks))
        return Keypoints(positions, landmarks, objects, _shape(said), hidden, size, region)
    if kind == "LabelMovie":
        data = beside.raster(said["raster"])[0]
        return LabelMovie(data, _lineage(said, data.size), size, _seconds(said))
    if kind == "PointTracks":
        radii = np.array(said["radii"], dtype=np.float64)
        lineage = _lineage(said, radii.size)
        spots = np.array(said["positions"], dtype=np.float64)
        spots = spots.reshape(len(radii), spots.shape[-1] if spots.ndim == 2 else 2)
        return PointTracks(spots, radii, lineage, size, _seconds(said))
    if kind == "ImagePair":
        return ImagePair.of(image, beside.picture(said["target"]))
    raise InvalidDocument(f"labels of the kind {str(kind)[:40]!r} are not known")


def _encode_readings(truth: Readings) -> Encoded:
    said = Encoded({"type": "Readings", "by": {}, "consensus": None})
    for number, (who, one) in enumerate(truth.by.items(), start=1):
        inner = encode(one, f"reader-{number}-")
        said.document["by"][who] = inner.document
        said.rasters |= inner.rasters
        said.images |= inner.images
    if truth.consensus is not None:
        inner = encode(truth.consensus, "consensus-")
        said.document["consensus"] = inner.document
        said.rasters |= inner.rasters
        said.images |= inner.images
    return said


def _layers(truth: OverlappingCells) -> list[Ids]:
    """Rasters in which no two cells share a pixel: each cell in the first that has room for it."""
    layers: list[Ids] = [np.zeros(truth.shape, dtype=np.uint32)]
    for cell in truth.cells:
        y0, x0, y1, x1 = cell.box
        free = next((layer for layer in layers if not layer[y0:y1, x0:x1][cell.mask].any()), None)
        if free is None:
            free = np.zeros(truth.shape, dtype=np.uint32)
            layers.append(free)
        free[y0:y1, x0:x1][cell.mask] = cell.id
    return layers


def _properties(classes: Mapping[int, tuple[str, ...]]) -> tuple[dict[str, Any], ...]:
    """Classes of cells as other readers of OME-Zarr look for them."""
    return tuple({"label-value": cell, "class": ";".join(names)} for cell, names in classes.items())


def _classes(classes: Mapping[int, tuple[str, ...]], ontology: Ontology | None) -> dict[str, Any]:
    listed = [[cell, list(names)] for cell, names in classes.items()]
    return {"classes": listed, "ontology": None if ontology is None else ontology.document()}


def _cells(said: dict[str, Any]) -> dict[int, tuple[str, ...]]:
    return {_whole(cell): tuple(map(str, names)) for cell, names in said["classes"]}


def _whole(number: Any) -> int:
    if type(number) is not int:
        raise ValueError(f"{number!r:.40} is no whole number")
    return number


def _lineage(said: dict[str, Any], most: int) -> Lineage:
    """The lineage, if it has at most ``most`` cells in all frames: it is unfolded frame by frame when it is checked."""
    rows = said["lineage"]
    if sum(_whole(row[2]) - _whole(row[1]) + 1 for row in rows) > most:
        raise ValueError(f"tracks of more than the {most:,} cells that there are")
    return lineage_from_rows(rows)


def _region(said: dict[str, Any], beside: Beside) -> Mask | None:
    return np.asarray(beside.raster(said["annotated"])[0] != 0) if "annotated" in said else None


def _shape(said: dict[str, Any]) -> tuple[int, int]:
    height, width = said["shape"]
    return _whole(height), _whole(width)


def _seconds(said: dict[str, Any]) -> float | None:
    return None if said["seconds"] is None else float(said["seconds"])


def _numbers(array: NDArray[np.float64]) -> list[Any]:
    """Nested lists with None for NaN, which JSON has not."""
    flat: NDArray[Any] = array.astype(object)
    flat[np.isnan(array)] = None
    return list(flat.tolist())
