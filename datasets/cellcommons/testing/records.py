"""Hypothesis strategies for records that a layout says it can carry."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from numpy.typing import NDArray

from cellcommons.axes import PixelSize
from cellcommons.classes import CellBox, CellBoxes, CellClasses, ImageClasses, Ontology
from cellcommons.errors import CannotCarry
from cellcommons.images.data import ImageData, PlatePosition, Wavelengths
from cellcommons.keypoints import Keypoints
from cellcommons.labels import LabelMap, Labels, Mask, relabel
from cellcommons.layouts.carries import Carries
from cellcommons.layouts.contract import Entry, Record
from cellcommons.layouts.fitting import fitted
from cellcommons.overlapping import OverlappingCells, cell_of
from cellcommons.pairs import ImagePair
from cellcommons.points import PointTracks
from cellcommons.readings import Readings
from cellcommons.semantic import UNKNOWN, SemanticMap
from cellcommons.testing.lineages import label_movies
from cellcommons.testing.strategies import label_maps
from cellcommons.tracks import LabelMovie, Lineage, Track

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,7}", fullmatch=True)
WORDS = st.sampled_from(["mitosis", "apoptosis", "T cell", "µ-debris", "10", "9"])
_SIZES = st.sampled_from([None, 0.1, 0.325, 1.0, 2.5])


@st.composite
def image_data(
    draw: st.DrawFn, carries: Carries, *, shape: tuple[int, int], axes: str | None = None, frames: int | None = None
) -> ImageData:
    """An image that fits ``carries``; pixel values use the whole range, and no colour picture is gray throughout."""
    axes = axes or draw(st.sampled_from(carries.axes))
    dtype = np.dtype(draw(st.sampled_from(carries.dtypes)))
    modes = [mode for mode in carries.modes if mode != "rgb" or dtype.name in ("uint8", "uint16")]
    mode = draw(st.sampled_from(modes or ["gray"]))
    count = {"gray": 1, "rgb": 3, "stains": draw(st.integers(2, 4))}[mode]
    sizes = {
        "c": count,
        "t": frames or draw(st.integers(2, 3)),
        "z": draw(st.integers(2, 3)),
        "y": shape[0],
        "x": shape[1],
    }
    full = tuple(sizes[axis] for axis in axes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.kind == "f":
        data: NDArray[Any] = rng.normal(size=full).astype(dtype)
    else:
        data = np.frombuffer(rng.bytes(int(np.prod(full)) * dtype.itemsize), dtype=dtype).reshape(full).copy()
    if mode == "rgb":
        first = tuple(0 if axis != "c" else slice(None) for axis in axes)
        data[first] = np.array([0, 1, 2], dtype=dtype)
    defaults = {"gray": ("intensity",), "rgb": ("red", "green", "blue")}
    channels = defaults.get(mode) or tuple(f"channel {n + 1}" for n in range(count))
    if mode != "rgb" and "channel_names" in carries.features:
        channels = tuple(
            draw(
                st.lists(
                    st.sampled_from(["DAPI", "GFP", "Cy5", "TRITC", "µ"]), min_size=count, max_size=count, unique=True
                )
            )
        )
    size = PixelSize()
    if "pixel_size" in carries.features:
        inplane = draw(_SIZES)
        size = PixelSize(inplane, inplane, draw(_SIZES) if "z" in axes else None)
    lights: tuple[Wavelengths, ...] = ()
    if mode != "rgb" and "wavelengths" in carries.features:
        nm = st.sampled_from([None, 405.0, 488.0, 561.5])
        lights = tuple(Wavelengths(draw(nm), draw(nm)) for _ in range(count))
    seconds = draw(st.sampled_from([None, 0.5, 300.0])) if "seconds_per_frame" in carries.features else None
    place = None
    if "plate_position" in carries.features:
        place = PlatePosition(draw(st.sampled_from("ABH")), draw(st.integers(1, 24)), draw(st.integers(1, 4)), "plate1")
    return ImageData(data, axes, channels, size, mode == "rgb", {}, lights, seconds, place)


@st.composite
def ontologies(draw: st.DrawFn, carries: Carries, *, multi: bool = False) -> Ontology:
    """Classes: sorted where a layout keeps no order (then only those that occur may be listed, see ``records``)."""
    least = max(1, carries.classes_needed)
    names = draw(st.lists(WORDS, min_size=least, max_size=4, unique=True))
    ordinal = not multi and "ordinal" in carries.features and draw(st.booleans())
    return Ontology(tuple(names if "class_order" in carries.features else sorted(names)), ordinal, multi)


@st.composite
def _region(draw: st.DrawFn, carries: Carries, shape: tuple[int, ...]) -> Mask | None:
    if "annotated" not in carries.features or not draw(st.booleans()):
        return None
    region = np.zeros(shape, dtype=np.bool_)
    region[..., draw(st.integers(0, shape[-2] - 1)) :, draw(st.integers(0, shape[-1] - 1)) :] = True
    return region


@st.composite
def _cells(draw: st.DrawFn, carries: Carries, shape: tuple[int, int]) -> Labels:
    labels = draw(label_maps(shape=shape))
    if not {"holes", "pieces"} <= carries.features:
        labels = _solid(labels)
    top = int(labels.max(initial=0))
    return labels if "ids" in carries.features and top < 1 << 16 else relabel(labels)


def _solid(labels: Labels) -> Labels:
    """Every cell as its box, later ones cut away: no holes, one piece."""
    solid = np.zeros_like(labels)
    for cell in LabelMap(labels).cells():
        y0, x0, y1, x1 = cell.box
        if not solid[y0:y1, x0:x1].any():
            solid[y0:y1, x0:x1] = cell.id
    return solid


@st.composite
def truths(
    draw: st.DrawFn, kind: type[Any], carries: Carries, image: ImageData, given_ontology: Ontology | None = None
) -> Any:
    """A truth of ``kind`` for ``image`` that uses what ``carries`` allows.

    Args:
        given_ontology: the classes of the folder; else drawn.
    """
    shape, size = image.shape_yx, image.pixel_size
    single = st.just(replace(given_ontology, multi=False)) if given_ontology else ontologies(carries)
    if kind is LabelMap:
        if "z" in image.axes:
            volume = np.stack([draw(_cells(carries, shape)) for _ in range(image.size("z"))])
            if "ids" not in carries.features:
                volume = relabel(volume.reshape(-1, shape[1])).reshape(volume.shape)
            return LabelMap(volume, size, "zyx", draw(_region(carries, volume.shape)))
        return LabelMap(draw(_cells(carries, shape)), size, annotated=draw(_region(carries, shape)))
    if kind is CellClasses:
        labels = LabelMap(draw(_cells(carries, shape)), size, annotated=draw(_region(carries, shape)))
        ontology = draw(single)
        given = {cell: (draw(st.sampled_from(ontology.names)),) for cell in labels.ids.tolist()}
        if "unclassified" in carries.features:
            given = {cell: names for cell, names in given.items() if draw(st.booleans())}
        return CellClasses(labels, given, _occurring(ontology, given.values(), carries))
    if kind is OverlappingCells:
        maps = [draw(_cells(carries, shape)) for _ in range(2 if "overlaps" in carries.features else 1)]
        found = [
            cell_of(n, c.mask, corner=c.box[:2])
            for n, c in enumerate((c for m in maps for c in LabelMap(m).cells()), start=1)
        ]
        cells = tuple(cell for cell in found if cell is not None)
        region = draw(_region(carries, shape))
        if "classes" not in carries.features:
            return OverlappingCells(cells, shape, size, annotated=region)
        ontology = draw(single)
        given = {cell.id: (draw(st.sampled_from(ontology.names)),) for cell in cells}
        if "unclassified" in carries.features:
            given = {cell: names for cell, names in given.items() if draw(st.booleans())}
        return OverlappingCells(
            cells, shape, size, given, _occurring(ontology, given.values(), carries), annotated=region
        )
    if kind is CellBoxes:
        ontology = draw(single)
        boxes = []
        for _ in range(draw(st.integers(0, 5))):
            y0, x0 = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
            box = (y0, x0, draw(st.integers(y0 + 1, shape[0])), draw(st.integers(x0 + 1, shape[1])))
            boxes.append(CellBox(box, draw(st.sampled_from(ontology.names))))
        kept = _occurring(ontology, [(box.name,) for box in boxes], carries)
        return CellBoxes(tuple(boxes), shape, kept, annotated=draw(_region(carries, shape)))
    if kind is ImageClasses:
        multi = given_ontology.multi if given_ontology else "multi" in carries.features and draw(st.booleans())
        ontology = given_ontology or draw(ontologies(carries, multi=multi))
        names = tuple(
            draw(st.lists(st.sampled_from(ontology.names), min_size=1, max_size=3 if multi else 1, unique=True))
        )
        return ImageClasses(names, _occurring(ontology, [names], carries))
    if kind is SemanticMap:
        ontology = draw(single)
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        data = rng.integers(0, len(ontology), size=shape).astype(np.uint8)
        if "unknown" in carries.features:
            data[rng.random(shape) < 0.2] = UNKNOWN
        if "class_order" not in carries.features:
            data.flat[: len(ontology)] = np.arange(len(ontology), dtype=np.uint8)[: data.size]
        return SemanticMap(data, ontology, pixel_size=size)
    if kind is Keypoints:
        landmarks = tuple(draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)))
        count = draw(st.integers(1, 3))
        at = st.integers(0, 4 * (min(shape) - 1)).map(
            lambda n: n / 4 if "subpixel" in carries.features else float(n // 4)
        )
        positions = np.array([[[draw(at), draw(at)] for _ in landmarks] for _ in range(count)], dtype=np.float64)
        missing = np.array([[draw(st.booleans()) for _ in landmarks] for _ in range(count)])
        missing[:, 0] = False  # an object of which nothing was placed is no object
        positions[missing] = np.nan
        hidden = np.array(
            [["hidden" in carries.features and draw(st.booleans()) for _ in landmarks] for _ in range(count)]
        )
        named = "object_names" in carries.features
        objects = tuple(f"mouse{n}" if named else str(n + 1) for n in range(count))
        return Keypoints(positions, landmarks, objects, shape, hidden, size, draw(_region(carries, shape)))
    if kind is Readings:
        inner = next(one for one in carries.truths if one is not Readings)
        who = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
        fused = (
            draw(truths(inner, carries, image, given_ontology))
            if "consensus" in carries.features and draw(st.booleans())
            else None
        )
        by = {name: draw(truths(inner, carries, image, given_ontology)) for name in who}
        return Readings(by, fused)
    if kind is ImagePair:
        target = draw(image_data(replace(carries, axes=("cyx",)), shape=shape))
        return ImagePair.of(image, replace(target, pixel_size=replace(size, z=None)))
    raise NotImplementedError(kind.__name__)


def _occurring(ontology: Ontology, given: Any, carries: Carries) -> Ontology:
    """The ontology as a layout without ``class_order`` gives it back: what occurs, sorted; all if nothing does."""
    if "class_order" in carries.features:
        return ontology
    names = sorted({name for names in given for name in names})
    return replace(ontology, names=tuple(names)) if names else ontology


@st.composite
def movies(draw: st.DrawFn, carries: Carries) -> tuple[ImageData, LabelMovie]:
    """A movie and what happens in it: ids up to 65535, divisions and gaps only where the layout carries them."""
    movie = draw(label_movies(frames=draw(st.integers(2, 5))))
    step = 7 if "ids" in carries.features else 1
    new = {track.id: step * number for number, track in enumerate(movie.lineage.tracks, start=1)}
    children = Counter(track.parent for track in movie.lineage.tracks)
    tracks = []
    for track in movie.lineage.tracks:
        needed = "divisions" if children[track.parent] > 1 else "gaps"
        parent = new[track.parent] if track.parent is not None and needed in carries.features else None
        tracks.append(Track(new[track.id], track.begin, track.end, parent))
    data = np.zeros_like(movie.data)
    for old, number in new.items():
        data[movie.data == old] = number
    image = draw(image_data(carries, shape=(data.shape[1], data.shape[2]), axes="tcyx", frames=len(data)))
    return image, LabelMovie(data, Lineage(tuple(tracks)), image.pixel_size, image.seconds_per_frame)


def spots_of(movie: LabelMovie, carries: Carries, seed: int) -> PointTracks:
    """Spots for the lineage of ``movie``: positions on quarters of a pixel, radii where the layout carries them."""
    rng = np.random.default_rng(seed)
    count = len(movie.nodes())
    positions = np.round(rng.random((count, 2)) * (np.array(movie.data.shape[1:]) - 1) * 4) / 4
    radii = np.round(rng.random(count) * 8 + 1) / 2 if "radii" in carries.features else np.full(count, np.nan)
    return PointTracks(positions, radii, movie.lineage, movie.pixel_size, movie.seconds_per_frame)


@st.composite
def records(
    draw: st.DrawFn,
    carries: Carries,
    *,
    name: str = "picture",
    ontology: Ontology | None = None,
    kind: type[Any] | None = None,
) -> Record:
    """One record that ``carries`` allows, of one of its kinds of truth, or without.

    Args:
        ontology: the classes of its folder, which all records of one folder share; else drawn.
        kind: the kind of its truth, where it has any; else any of them.
    """
    kinds: list[type[Any] | None] = list(carries.truths) if kind is None else [kind]
    if carries.unlabelled:
        kinds.append(None)
    kind = draw(st.sampled_from(kinds))
    truth: Any
    if kind in (LabelMovie, PointTracks):
        image, truth = draw(movies(carries))
        if kind is PointTracks:
            truth = spots_of(truth, carries, draw(st.integers(0, 2**32 - 1)))
    else:
        image = draw(image_data(carries, shape=(draw(st.integers(3, 12)), draw(st.integers(3, 12)))))
        truth = None if kind is None else draw(truths(kind, carries, image, ontology))
    source = draw(NAMES) if "source" in carries.features and draw(st.booleans()) else ""
    stratum = draw(st.sampled_from(["", "bright"])) if "stratum" in carries.features else ""
    split = draw(st.sampled_from(["", "train", "validation", "test"])) if "split" in carries.features else ""
    path = Path(name)
    entry = Entry(name, (path,), source or name, stratum, {"source_known": bool(source)}, split)
    record = Record(entry, image if carries.images else None, truth, path)
    try:
        return fitted(record, carries, "this layout", frozenset())[0]
    except CannotCarry:  # a drawn shape that the layout excludes after all, such as a hole
        reject()
        raise
