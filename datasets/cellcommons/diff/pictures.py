"""Pictures of cells that changed: the image, its outlines before, its outlines after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellcommons.diff.changes import REPAINTED, Box, CellChange
from cellcommons.diff.result import ReleaseDiff
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import open_image_tree
from cellcommons.images.previews import TRUTH, overlay_png, side_by_side_png
from cellcommons.indexes import ReleaseItem
from cellcommons.labels import Labels
from cellcommons.release import Release

MARGIN, LEAST, MOST = 0.4, 32, 1024
PANEL = 220


@dataclass(frozen=True)
class ChangePicture:
    """One change as a PNG, of three panels (image, before in green, after in amber), or one with the box of a subject.

    Attributes:
        box: the half-open ``(y0, x0, y1, x1)`` of the image that is shown. frame: of a movie, the one that is shown.
    """

    change: CellChange
    png: bytes
    box: Box
    frame: int | None = None


def change_pictures(
    before: Release, after: Release, changes: Sequence[CellChange], *, size: int = PANEL
) -> list[ChangePicture]:
    """A picture of each of ``changes``, in their order; label maps are read once an image, pixels around the cell only.

    Raises:
        NotFound, DigestMismatch, UnreadableFile: an object is missing or damaged.
    """
    wanted = {change.image for change in changes}
    ones, others = ({i.image: i for i in release.items() if i.image in wanted} for release in (before, after))
    pictures: dict[CellChange, ChangePicture] = {}
    for image in sorted(wanted):
        painted = after.manifest.task != "classification"
        rasters = [_raster(before, ones[image]), _raster(after, others[image])] if painted else []
        for change in changes:
            if change.image == image:
                pictures[change] = _picture(after, others[image], change, rasters, size)
    return [pictures[change] for change in changes]


def write_pictures(before: Release, after: Release, diff: ReleaseDiff, folder: Path, *, limit: int = 40) -> list[str]:
    """Write the pictures of the cells that changed most into ``folder``; return the names of the files, by rank."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for rank, picture in enumerate(change_pictures(before, after, diff.most_changed(limit)), start=1):
        names.append(f"{rank:03d}-{picture.change.kind}.png")
        (folder / names[-1]).write_bytes(picture.png)
    return names


def _raster(release: Release, item: ReleaseItem) -> Labels:
    """uint32, yx; of a movie tyx, labelled by track."""
    return release.movie(item).data if release.manifest.task == "tracking" else release.labels(item)


def _picture(
    release: Release, item: ReleaseItem, change: CellChange, rasters: Sequence[Labels], size: int
) -> ChangePicture:
    box = _around(change.box, (item.height, item.width))
    if not rasters:
        image, marked = _crop(release, item, box, 0), np.zeros((item.height, item.width), dtype=np.uint32)
        y0, x0, y1, x1 = change.box
        marked[y0:y1, x0:x1] = 1
        return ChangePicture(change, overlay_png(image, [(_cut(marked, box), TRUTH)], size), box)
    cuts = [_cut(raster, box) if raster.shape[-2:] == (item.height, item.width) else None for raster in rasters]
    frame = None
    there = [cut for cut in cuts if cut is not None]
    frames = min((len(cut) for cut in there if cut.ndim == 3), default=0)
    blank = np.zeros((*([frames] if frames else []), box[2] - box[0], box[3] - box[1]), dtype=np.uint32)
    shown = [blank if cut is None else cut[:frames] if frames else cut for cut in cuts]
    chosen = [
        np.where(np.isin(cut, np.array(ids, dtype=np.uint32)), cut, 0).astype(np.uint32)
        for cut, ids in zip(shown, (change.before or (0,), change.after or (0,)), strict=True)
    ]
    if change.kind == REPAINTED:
        # Only the pixels that went from the one class to the other, not all of either class.
        moved = (shown[0] == (change.before or (0,))[0]) & (shown[1] == (change.after or (0,))[0])
        chosen = [np.where(moved, np.uint32(1), np.uint32(0))] * 2
    if frames:
        frame = _telling_frame(chosen[0], chosen[1])
        chosen = [part[frame] for part in chosen]
    image = _crop(release, item, box, frame or 0)
    return ChangePicture(change, side_by_side_png(image, chosen[0], chosen[1], size), box, frame)


def _telling_frame(before: Labels, after: Labels) -> int:
    """The frame of two movies (uint32, tyx) in which most pixels differ; where none do, the first in which one of them
    takes another track for the same cell."""
    differs = np.count_nonzero((before != 0) != (after != 0), axis=(1, 2))
    if differs.any():
        return int(np.argmax(differs))
    ids = [tuple(np.unique(movie[frame]).tolist() for movie in (before, after)) for frame in range(len(before))]
    changed = (frame for frame in range(1, len(ids)) if all(ids[frame]) and _changes_hands(ids[frame - 1], ids[frame]))
    return next(changed, 0)


def _changes_hands(earlier: tuple[list[int], ...], later: tuple[list[int], ...]) -> bool:
    """Whether one of the two movies goes on with another track where the other goes on with the same."""
    return sum(a != b for a, b in zip(earlier, later, strict=True)) == 1


def _around(box: Box, shape: tuple[int, int]) -> Box:
    """The box with some of what lies around it, within the image, at most ``MOST`` pixels a side."""
    sides = []
    for low, high, most in ((box[0], box[2], shape[0]), (box[1], box[3], shape[1])):
        length = min(MOST, most, max(LEAST, round((high - low) * (1 + 2 * MARGIN))))
        start = min(max(0, (low + high - length) // 2), most - length)
        sides.append((start, start + length))
    return sides[0][0], sides[1][0], sides[0][1], sides[1][1]


def _cut(labels: Labels, box: Box) -> Labels:
    return labels[..., box[0] : box[2], box[1] : box[3]]


def _crop(release: Release, item: ReleaseItem, box: Box, frame: int) -> ImageData:
    """The pixels of ``box``: axes cyx or czyx, of a movie the one frame."""
    lazy = open_image_tree(release.store, item.tree)
    spans = {"y": slice(box[0], box[2]), "x": slice(box[1], box[3]), "t": slice(frame, frame + 1)}
    pixels = lazy.region(tuple(spans.get(axis, slice(0, n)) for axis, n in zip(lazy.axes, lazy.shape, strict=True)))
    return replace(lazy.facts, data=pixels)
