"""Pictures of cells that changed: the same place before and after, the cell in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellcommons.diff.changes import REPAINTED, Box, CellChange
from cellcommons.diff.result import ReleaseDiff
from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import open_image_tree
from cellcommons.images.previews import AROUND, PREDICTION, TRUTH, Outlined, square_panels_png
from cellcommons.indexes import ReleaseItem
from cellcommons.labels import Labels, Mask
from cellcommons.release import Release

MARGIN, LEAST, MOST = 0.4, 32, 1024
PANEL = 240


@dataclass(frozen=True)
class ChangePicture:
    """One change as a PNG of two square panels, the image with the cell before in green and after in amber, other cells
    in gray, tracks dashed that begin in the frame shown; or of one panel with the box of a subject.

    Attributes:
        box: the half-open ``(y0, x0, y1, x1)`` shown: a square around the cell, which may reach beyond the image.
        frame: of a movie, the one that is shown.
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
    square = _around(change.box, (item.height, item.width))
    box = max(0, square[0]), max(0, square[1]), min(item.height, square[2]), min(item.width, square[3])

    def drawn(image: ImageData, *panels: list[Outlined]) -> bytes:
        place = box[0] - square[0], box[1] - square[1]
        return square_panels_png(image, panels, place=place, side=square[2] - square[0], size=size)

    if not rasters:
        marked = np.zeros((item.height, item.width), dtype=np.uint32)
        y0, x0, y1, x1 = change.box
        marked[y0:y1, x0:x1] = 1
        return ChangePicture(
            change, drawn(_crop(release, item, box, 0), [Outlined(_cut(marked, box), TRUTH, 2)]), square
        )
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
    others = [np.where(part == 0, cut, 0).astype(np.uint32) for cut, part in zip(shown, chosen, strict=True)]
    if change.kind == REPAINTED:
        # Only the pixels that went from the one class to the other, not all of either class.
        moved = (shown[0] == (change.before or (0,))[0]) & (shown[1] == (change.after or (0,))[0])
        chosen = [np.where(moved, np.uint32(1), np.uint32(0))] * 2
        others = [np.zeros_like(part) for part in chosen]
    if frames:
        frame = _telling_frame(chosen[0], chosen[1])
        begun = [_begun(part, frame) for part in chosen]
        chosen, others = [part[frame] for part in chosen], [part[frame] for part in others]
    else:
        begun = [np.zeros(part.shape, dtype=np.bool_) for part in chosen]
    panels = [
        [
            Outlined(other, AROUND),
            Outlined(np.where(new, 0, part).astype(np.uint32), colour, 2),
            Outlined(np.where(new, part, 0).astype(np.uint32), colour, 2, dashed=True),
        ]
        for other, part, new, colour in zip(others, chosen, begun, (TRUTH, PREDICTION), strict=True)
    ]
    return ChangePicture(change, drawn(_crop(release, item, box, frame or 0), *panels), square, frame)


def _begun(movie: Labels, frame: int) -> Mask:
    """Pixels (yx) of tracks that are there in ``frame`` of a movie (uint32, tyx) and in none before it."""
    if not movie[:frame].any():
        return np.zeros(movie.shape[1:], dtype=np.bool_)
    return np.asarray(~np.isin(movie[frame], np.unique(movie[:frame])) & (movie[frame] != 0), dtype=np.bool_)


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
    """A square with the box in its middle and some of what lies around it, at most ``MOST`` pixels a side; it may reach
    beyond the image."""
    wanted = max(LEAST, round(max(box[2] - box[0], box[3] - box[1]) * (1 + 2 * MARGIN)))
    side = min(MOST, max(shape), wanted)
    # Where the image is smaller than it was, a cell may lie outside: half of the square shows some of the image then.
    top, left = (
        min(max((low + high - side) // 2, -side // 2), size - side // 2)
        for low, high, size in ((box[0], box[2], shape[0]), (box[1], box[3], shape[1]))
    )
    return top, left, top + side, left + side


def _cut(labels: Labels, box: Box) -> Labels:
    return labels[..., box[0] : box[2], box[1] : box[3]]


def _crop(release: Release, item: ReleaseItem, box: Box, frame: int) -> ImageData:
    """The pixels of ``box``: axes cyx or czyx, of a movie the one frame."""
    lazy = open_image_tree(release.store, item.tree)
    spans = {"y": slice(box[0], box[2]), "x": slice(box[1], box[3]), "t": slice(frame, frame + 1)}
    pixels = lazy.region(tuple(spans.get(axis, slice(0, n)) for axis, n in zip(lazy.axes, lazy.shape, strict=True)))
    return replace(lazy.facts, data=pixels)
