"""A part of a release: the same manifest and tables, fewer images, or images without their pixels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from cellcommons.errors import NotFound
from cellcommons.images.data import ImageData
from cellcommons.images.lazy import LazyImage
from cellcommons.indexes import ReleaseItem
from cellcommons.manifest import Manifest, ObjectCount
from cellcommons.release import Member, Release, hash_object
from cellcommons.selection import Selection
from cellcommons.store import ObjectStore


class PartialRelease(Release):
    """What ``selection`` takes of a release; ``items``, ``table`` and ``members`` hold that and no more.

    Attributes:
        selection: what is here.
    """

    def __init__(self, store: ObjectStore, manifest: Manifest, digest: str, selection: Selection) -> None:
        super().__init__(store, manifest, digest)
        self.selection = selection

    def __repr__(self) -> str:
        here, images = len(self._items), self.manifest.counts.images
        return f"<Part of release {self.manifest.reference}: {here} of {images} images ({self.selection.line()})>"

    @property
    def _everything(self) -> tuple[ReleaseItem, ...]:
        return Release(self.store, self.manifest, self.digest)._items

    @cached_property
    def _items(self) -> tuple[ReleaseItem, ...]:
        everything = self._everything
        if missing := self.selection.missing(everything):
            raise NotFound(f"no image {', '.join(missing[:5])}", where=self.manifest.reference)
        return self.selection.picked(everything)

    def trees(self, item: ReleaseItem) -> tuple[tuple[str, str], ...]:
        return self.selection.trees(super().trees(item))

    def image(self, item: ReleaseItem, level: int = 0) -> ImageData:
        self._refuse_images(item)
        return super().image(item, level)

    def lazy(self, item: ReleaseItem, level: int = 0) -> LazyImage:
        self._refuse_images(item)
        return super().lazy(item, level)

    def companion(self, item: ReleaseItem, kind: str) -> str:
        if self.selection.labels_only:
            raise self._left_out(item)
        return super().companion(item, kind)

    def table(self, name: str) -> pa.Table:
        table = super().table(name)
        if "image" not in table.column_names:
            return table
        here = pa.array([item.image for item in self._items], pa.string())
        return table.filter(pc.is_in(table["image"], value_set=here))

    def verify(self, progress: Callable[[Member], None] | None = None) -> ObjectCount:
        """Read every object that is here and check its sha256; return how many. Raises as ``Release.verify``."""
        count = total = 0
        for member in self.members():
            hash_object(self.store, member)
            if member.sha256 != self.digest:
                count, total = count + 1, total + member.size
            if progress:
                progress(member)
        return ObjectCount(count, total)

    def _refuse_images(self, item: ReleaseItem) -> None:
        if self.selection.labels_only or self.selection.no_images:
            raise self._left_out(item)

    def _left_out(self, item: ReleaseItem) -> NotFound:
        return NotFound(
            f"this download holds {self.selection.line()}",
            where=f"{self.manifest.reference}, {item.name}",
            remedy="Download the release into another folder without that selection.",
        )
