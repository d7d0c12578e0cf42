"""Pixels -> objects: all that an image's row will name, made before any transaction begins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from backend.imaging.kinds.contract import Given, Kept
from backend.imaging.kinds.registry import keep_truth
from backend.imaging.text import short_name
from cellcommons.errors import CellCommonsError
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image
from cellcommons.images.previews import thumbnail_png
from cellcommons.layouts.contract import Truth as LayoutTruth
from cellcommons.store import ObjectStore
from cellcommons.tree import Tree, TreeEntry


@dataclass(frozen=True)
class Naming:
    """What people call an image, and where it is from.

    Attributes:
        original: the file or folder, whose bytes are kept. original_name: what people call that.
        originals: every file or folder that the image is read from, where that is more than ``original``.
        part: which image of ``original`` it is, where that holds several.
        source: donor, slide or experiment; empty: the image stands for itself.
        metadata: JSON values to keep beside what the file says.
    """

    name: str
    original: Path
    original_name: str
    part: str = ""
    source: str = ""
    source_known: bool = False
    stratum: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    originals: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Converted:
    """An image in the object store: digests, and what its row says.

    ``original_sha256`` is of the file, or of the tree of all the files that the image was read from.
    """

    name: str
    source: str
    source_known: bool
    stratum: str
    original_sha256: str
    original_name: str
    part: str
    tree: str
    preview: str
    axes: str
    shape: list[int]
    dtype: str
    channels: list[str]
    pixel_size_um: dict[str, float | None]
    bytes: int
    metadata: dict[str, Any] = field(default_factory=dict)
    companions: dict[str, Given] = field(default_factory=dict)
    truth: str = ""
    truth_cells: int = 0
    ontology: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """An entry that could not be converted.

    Attributes:
        where: the file or field at fault; the entry's name where it is that itself. kind: the sort of fault in a few
            words, the same for all faults of the sort. reason: one clause. remedy: what the person can do.
    """

    name: str
    where: str
    kind: str
    reason: str
    remedy: str = ""

    @classmethod
    def of(cls, name: str, error: CellCommonsError) -> Refused:
        """A refusal in the library's own words."""
        return cls(name, error.where or name, error.title, error.what, error.remedy)


Outcome = Converted | Refused


def convert_image(
    store: ObjectStore, image: ImageData, naming: Naming, *, truth: LayoutTruth | None = None
) -> Converted:
    """Put tree, preview, original and truth into ``store``.

    Args:
        truth: what came with it; what of that people may see becomes companions.

    Raises:
        MismatchedShapes: ``truth`` differs in size from the image.
        InvalidDocument: the hub has no place for ``truth``.
    """
    kept = keep_truth(store, image, truth) if truth is not None else Kept()
    image = replace(image, seconds_per_frame=kept.seconds_per_frame or image.seconds_per_frame)
    return describe(store, image, write_image(store, image), naming, picture=image, kept=kept)


def describe(
    store: ObjectStore, facts: ImageData, tree: Tree, naming: Naming, *, picture: ImageData, kept: Kept
) -> Converted:
    """What the row of an image says whose ``tree`` is in ``store``; puts preview and original there too.

    Args:
        facts: the image; its pixels are not looked at. picture: the same, no larger than memory allows, to be shown.
    """
    name = short_name(naming.name)
    return Converted(
        name=name,
        source=short_name(naming.source) or name,
        source_known=bool(naming.source) and naming.source_known,
        stratum=short_name(naming.stratum, 100),
        original_sha256=_keep_originals(store, naming.originals or (naming.original,)),
        original_name=short_name(naming.original_name, 255),
        part=short_name(naming.part),
        tree=tree.digest,
        preview=store.put(thumbnail_png(picture)),
        axes=facts.axes,
        shape=[int(n) for n in facts.data.shape],
        dtype=facts.data.dtype.name,
        channels=list(facts.channels),
        pixel_size_um={axis: getattr(facts.pixel_size, axis) for axis in "yxz"},
        bytes=tree.size,
        metadata={**_acquired(facts), **facts.metadata, **naming.metadata},
        companions=dict(kept.companions),
        truth=kept.truth,
        truth_cells=kept.count,
        ontology=kept.ontology.document() if kept.ontology else None,
        notes=kept.notes,
    )


def _keep_originals(store: ObjectStore, paths: tuple[Path, ...]) -> str:
    """Put one file, or a sealed tree of several and of folders, into ``store``; its digest."""
    if len(paths) == 1 and paths[0].is_file():
        return store.put_file(paths[0])
    base = Path(os.path.commonpath([path.parent for path in paths]))
    files = {file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])}
    tree = Tree(
        tuple(
            sorted(
                TreeEntry(file.relative_to(base).as_posix(), store.put_file(file), file.stat().st_size)
                for file in files
                if file.is_file()
            )
        )
    )
    return tree.save(store)


def _acquired(facts: ImageData) -> dict[str, Any]:
    """What the file says of how the image was taken, as JSON; nothing where it is silent."""
    known: dict[str, Any] = {"rgb": True} if facts.rgb else {}
    if any(wave.excitation or wave.emission for wave in facts.wavelengths):
        known["wavelengths_nm"] = [asdict(wave) for wave in facts.wavelengths]
    if facts.seconds_per_frame is not None:
        known["seconds_per_frame"] = facts.seconds_per_frame
    if facts.position is not None:
        known["plate_position"] = asdict(facts.position)
    return known
