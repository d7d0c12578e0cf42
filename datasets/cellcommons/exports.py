"""Releases and movies out, in layouts that other tools read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from cellcommons.classes import CellBox, CellBoxes, CellClasses, ImageClasses, Ontology
from cellcommons.errors import CannotCarry, InvalidDocument, NotFound
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import read_label_stack
from cellcommons.indexes import ReleaseItem
from cellcommons.kinds.given import BOXES, CELLS, read_boxes
from cellcommons.kinds.semantic_segmentation import semantic_map
from cellcommons.labels import LabelMap
from cellcommons.layouts.carries import Carries
from cellcommons.layouts.contract import Entry, Record, WritableLayout
from cellcommons.layouts.registry import all_layouts, get_layout
from cellcommons.layouts.writing import Written, write_layout
from cellcommons.pairs import ImagePair
from cellcommons.readings import Truth
from cellcommons.release import Release
from cellcommons.tracks import LabelMovie


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        images: movies among them. cells: rows of the release's index of cells: cells, tracks, classified subjects.
        frames, tracks, divisions: of movies, all together.
        dropped: feature -> in how many images it was dropped, as asked.
        left_out: what has no place in any layout, and how much of it: channels (images with more than the one asked
            for), failed regions.
    """

    layout: str
    images: int
    cells: int
    frames: int
    tracks: int
    divisions: int
    dropped: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


def export_layouts() -> tuple[str, ...]:
    """Names of the layouts that can be written."""
    return tuple(layout.name for layout in all_layouts() if isinstance(layout, WritableLayout))


def export_release(
    release: Release,
    folder: Path,
    *,
    layout: str,
    split: str | None = None,
    channel: int = 0,
    drop: Collection[str] = (),
) -> Exported:
    """Write a release of any task in a layout that carries its labels; source, stratum and split go with each image.

    Images are called by their stem in the release (``ReleaseItem.path``), read and written one after the other.

    Args:
        folder: absent or empty. layout: one of ``export_layouts()``. split: one split only.
        channel: which is written where a layout holds one.
        drop: features that may be lost where the layout has no place, as for ``write_layout``.

    Raises:
        InvalidDocument: no image in the split, or no such channel.
        UnknownLayout, CannotCarry, AlreadyThere: as ``write_layout``.
    """
    release.need_whole("an export")
    chosen = get_layout(layout)
    items = list(release.items(split))
    if not items:
        raise InvalidDocument(f"no image in split {split!r}", where=release.manifest.reference)
    carries = chosen.carries if isinstance(chosen, WritableLayout) else Carries()
    counts: Counter[str] = Counter()

    def records() -> Iterator[Record]:
        for item in items:
            record = _record(release, item, frozenset(drop), counts)
            yield replace(record, pixels=_one_channel(record.image, channel, carries, item.name, counts))
            counts["cells"] += len(item.cells)
            _count(record, counts)

    return _exported(write_layout(chosen, records(), folder, drop=drop), counts)


def export_movie(
    movie: LabelMovie,
    image: ImageData,
    folder: Path,
    *,
    layout: str,
    name: str = "movie",
    channel: int = 0,
    drop: Collection[str] = (),
) -> Exported:
    """Write one movie. Arguments and errors as ``export_release``."""
    chosen = get_layout(layout)
    carries = chosen.carries if isinstance(chosen, WritableLayout) else Carries()
    counts: Counter[str] = Counter()
    pixels = _one_channel(image, channel, carries, name, counts)
    record = Record(Entry(name, (), name, "", {"source_known": False}), pixels, movie, Path())
    _count(record, counts)
    counts["cells"] = len(movie.lineage.tracks)
    return _exported(write_layout(chosen, [record], folder, drop=drop), counts)


def _exported(written: Written, counts: Counter[str]) -> Exported:
    left_out = {name: counts[name] for name in ("channels", "failed regions") if counts[name]}
    told = {name: counts[name] for name in ("cells", "frames", "tracks", "divisions")}
    return Exported(written.layout, written.images, **told, dropped=written.dropped, left_out=left_out)


def _count(record: Record, counts: Counter[str]) -> None:
    if isinstance(record.truth, LabelMovie):
        counts["frames"] += len(record.truth.data)
        counts["tracks"] += len(record.truth.lineage.tracks)
        counts["divisions"] += len(record.truth.lineage.divisions)


def _record(release: Release, item: ReleaseItem, drop: Collection[str], counts: Counter[str]) -> Record:
    entry = Entry(item.path, (), item.source, item.stratum, {"source_known": bool(item.source)}, item.split)
    image, task = release.image(item), release.manifest.task
    truth: Truth | None
    if task == "instance_segmentation":
        truth = LabelMap(release.labels(item), image.pixel_size)
    elif task == "semantic_segmentation":
        classes = semantic_map(release.labels(item), _ontology(release), where=item.name)
        truth = replace(classes, pixel_size=image.pixel_size)
    elif task == "classification":
        truth = _classes(release, item, image, drop)
    elif task == "tracking":
        movie = release.movie(item)
        seconds = image.seconds_per_frame or movie.seconds_per_frame
        image, truth = replace(image, seconds_per_frame=seconds), replace(movie, seconds_per_frame=seconds)
    elif task == "augmented":
        truth = ImagePair.of(image, release.target(item))
        counts["failed regions"] += len(item.cells)
    else:
        raise InvalidDocument(f"releases of {task!r} are not exported", where=release.manifest.reference)
    return Record(entry, image, truth, Path())


def _classes(release: Release, item: ReleaseItem, image: ImageData, drop: Collection[str]) -> Truth | None:
    """Classes of the given cells, else of the given boxes, else of the image; None where nobody classified it."""
    ontology, said = _ontology(release), {row.id: row.classes for row in item.cells}
    if CELLS in item.companions:
        cells = read_label_stack(release.store, release.companion(item, CELLS))
        return CellClasses(LabelMap(cells, image.pixel_size), said, ontology)
    if BOXES in item.companions:
        boxes = read_boxes(release.store, release.companion(item, BOXES), image.shape_yx)
        if ontology.multi:
            raise CannotCarry("a box of no layout is of several classes", where=item.name, features=("multi",))
        if set(boxes) - set(said) and not {"unclassified", "all"} & set(drop):
            raise CannotCarry(
                f"{len(set(boxes) - set(said))} boxes have no class, which no layout of boxes can say",
                where=item.name,
                remedy="Leave them out with --drop unclassified.",
                features=("unclassified",),
            )
        kept = tuple(CellBox(box, said[number][0]) for number, box in boxes.items() if number in said)
        return CellBoxes(kept, image.shape_yx, ontology)
    return ImageClasses(next(iter(said.values())), ontology) if said else None


def _ontology(release: Release) -> Ontology:
    if release.ontology is None:
        raise NotFound("the release lists no classes", where=release.manifest.reference)
    return release.ontology


def _one_channel(image: ImageData, channel: int, carries: Carries, where: str, counts: Counter[str]) -> ImageData:
    """The channel asked for, where the layout holds one; a colour picture stays one."""
    if not 0 <= channel < image.size("c"):
        raise InvalidDocument(f"there is no channel {channel}; it has {image.size('c')}", where=where)
    if "stains" in carries.modes or image.rgb or image.size("c") == 1:
        return image
    counts["channels"] += 1
    place = image.axes.index("c")
    data = image.data[tuple(slice(channel, channel + 1) if n == place else slice(None) for n in range(image.data.ndim))]
    lights = (image.wavelengths[channel],)
    return replace(image, data=data, channels=(image.channels[channel],), wavelengths=lights)
