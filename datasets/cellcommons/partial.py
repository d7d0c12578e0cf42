"""A part of a release: the same manifest and tables, fewer images, a window of them, or none of their pixels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cellcommons.canonical import canonical_json
from cellcommons.cut_trees import ROOT, TreeCut, check_cut, plan_cut
from cellcommons.errors import BadSelection, DigestMismatch, InvalidDocument, NotFound
from cellcommons.images.data import ImageData
from cellcommons.images.lazy import LazyImage
from cellcommons.images.ome_zarr import open_image_tree
from cellcommons.images.tree_array import TreeArray
from cellcommons.images.windows import cropped
from cellcommons.indexes import TARGET, ReleaseItem
from cellcommons.labels import Labels, as_labels
from cellcommons.manifest import Manifest, ObjectCount
from cellcommons.parts import REPAIR
from cellcommons.reading import VALUES, Reading, read_values
from cellcommons.release import Member, Release, hash_object
from cellcommons.selection import Selection
from cellcommons.store import ObjectStore
from cellcommons.tree import TreeEntry

KIND = "cellcommons.partial/1"
Cuts = Mapping[str, Mapping[str, str]]


class PartialRelease(Release):
    """What ``selection`` takes of a release; ``items``, ``table`` and ``members`` hold that and no more.

    Of channels or a region, ``image``, ``lazy``, ``labels``, ``reading`` and ``target`` give these alone, never what
    lies outside; ``offset`` says where in the whole image they lie. Rows of tables keep the coordinates of the whole.

    Args:
        sealed: sha256 of the ``partial.json`` of a download of channels or a region: which trees stand in for which.

    Attributes:
        selection: what is here.
    """

    def __init__(
        self, store: ObjectStore, manifest: Manifest, digest: str, selection: Selection, sealed: str | None = None
    ) -> None:
        super().__init__(store, manifest, digest)
        self.selection, self.sealed = selection, sealed

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
            raise BadSelection(f"no image {', '.join(missing[:5])}", where=self.manifest.reference)
        found = self.selection.picked(everything)
        for item in found:
            self.selection.check(item)
        return found

    def published(self, item: ReleaseItem) -> tuple[tuple[str, str], ...]:
        return self.selection.trees(super().published(item))

    def trees(self, item: ReleaseItem) -> tuple[tuple[str, str], ...]:
        return tuple((role, self._held(role, digest)) for role, digest in self.published(item))

    @cached_property
    def cuts(self) -> Cuts:
        """Role -> published tree -> the tree that stands in for it here. Raises DigestMismatch, InvalidDocument."""
        if self.sealed is None:
            return {}
        try:
            document = json.loads(self.store.get(self.sealed))
            return {str(role): {str(a): str(b) for a, b in trees.items()} for role, trees in document["trees"].items()}
        except DigestMismatch:
            raise DigestMismatch("partial.json does not match its sha256", where=self.sealed, remedy=REPAIR) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidDocument(f"partial.json is damaged ({error!r})", where=self.sealed, remedy=REPAIR) from error

    def planned_cuts(self, at_hand: Callable[[TreeEntry], bool]) -> dict[tuple[str, str], TreeCut]:
        """``(role, published tree)`` -> what of it is wanted, of the trees that the selection cuts.

        Args:
            at_hand: whether a file is on this machine whole.

        Raises:
            BadSelection: a region lies outside an image. InvalidDocument: a tree is not one of ours.
        """
        found: dict[tuple[str, str], TreeCut] = {}
        for item in self._items:
            for role, digest in self.published(item):
                if (role, digest) not in found and (window := self.selection.window(role)):
                    cut = plan_cut(
                        self.store, digest, window, at_hand=at_hand, every_axis=role == "image", where=item.name
                    )
                    if cut is not None:
                        found[role, digest] = cut
        return found

    def seal_cuts(self, store: ObjectStore, cuts: Cuts) -> None:
        """Say in ``partial.json``, put into ``store``, which trees stand in for which."""
        window = self.selection.window("image")
        document: dict[str, Any] = {
            "kind": KIND,
            "reference": self.manifest.reference,
            "manifest_sha256": self.digest,
            "channels": list(window.channels) or "all",
            "region": {axis: [wanted.start, wanted.stop] for axis, wanted in window.region.items()} or "all",
            "elsewhere": "Pixels outside of these are not here. Where zarr reads them as 0, that is no data.",
            "trees": {role: {a: b for a, b in trees.items() if a != b} for role, trees in cuts.items()},
        }
        self.sealed = store.put(canonical_json(document))
        self.__dict__.pop("cuts", None)

    def members(self) -> Iterator[Member]:
        seen = set()
        for member in super().members():
            seen.add(member.sha256)
            yield member
        for member in self._beneath():
            if member.sha256 not in seen:
                seen.add(member.sha256)
                yield member

    def _beneath(self) -> Iterator[Member]:
        """What tells of cut trees what they were cut from: ``partial.json``, and listings and roots of the whole."""
        if self.sealed is not None:
            yield Member(self.sealed, self.store.size(self.sealed), "file partial.json")
        for item in self._items:
            for role, digest in self.published(item):
                if self._held(role, digest) != digest:
                    yield Member(digest, self.store.size(digest), f"{role} {item.path}, listing of the whole")
                    root = self.tree(digest).entry(ROOT)
                    yield Member(root.sha256, root.size, f"{role} {item.path}, file {ROOT} of the whole")

    def image(self, item: ReleaseItem, level: int = 0) -> ImageData:
        self._refuse_images(item)
        return _loaded(self.lazy(item, level)) if self.selection.cuts else super().image(item, level)

    def lazy(self, item: ReleaseItem, level: int = 0) -> LazyImage:
        self._refuse_images(item)
        return self._cropped("image", item.tree, item, level) if self.selection.cuts else super().lazy(item, level)

    def labels(self, item: ReleaseItem) -> Labels:
        return as_labels(self._raster(item), where=item.labels) if self.selection.roi else super().labels(item)

    def reading(self, item: ReleaseItem) -> Reading:
        if not self.selection.roi:
            return super().reading(item)
        paths = {entry.path for entry in self.tree(item.labels).entries}
        values = read_values(self.store, item.labels) if VALUES in paths else {}
        return Reading(self._raster(item) if ROOT in paths else None, values)

    def target(self, item: ReleaseItem, level: int = 0) -> ImageData:
        if not self.selection.roi:
            return super().target(item, level)
        return _loaded(self._cropped(TARGET, self._companion(item, TARGET), item, level))

    def companion(self, item: ReleaseItem, kind: str) -> str:
        digest = self._companion(item, kind)
        if self._held(kind, digest) != digest:
            raise self._left_out(item)
        return digest

    def offset(self, item: ReleaseItem, level: int = 0) -> dict[str, int]:
        """Axis -> where the first pixel of what is here lies in the whole image; of axes that the region names."""
        return self.selection.window("image").offset("tzyx", level)

    def need_whole(self, what: str) -> None:
        if self.selection.cuts:
            raise InvalidDocument(
                f"{what} needs whole images, and this holds {self.selection.line()}",
                where=self.manifest.reference,
                remedy="Download the release into another folder without --channel and --roi.",
            )

    def table(self, name: str) -> pa.Table:
        table = super().table(name)
        if "image" not in table.column_names:
            return table
        here = pa.array([item.image for item in self._items], pa.string())
        return table.filter(pc.is_in(table["image"], value_set=here))

    def verify(self, progress: Callable[[Member], None] | None = None) -> ObjectCount:
        """Read every object that is here and check its sha256; return how many. Raises as ``Release.verify``.

        Shards that were cut are checked against the sha256 that they had when they came, see ``cellcommons.cutting``.
        """
        count = total = 0
        for member in self.members():
            hash_object(self.store, member)
            if member.sha256 != self.digest:
                count, total = count + 1, total + member.size
            if progress:
                progress(member)
        self.check_cuts()
        return ObjectCount(count, total)

    def check_cuts(self) -> int:
        """Check that cut trees are made of those published; return how many shards of them hold chosen chunks alone.

        Raises InvalidDocument, NotFound, DigestMismatch.
        """
        held = {(role, digest) for item in self._items for role, digest in self.published(item)}
        return sum(
            check_cut(self.store, digest, self._held(role, digest), self.selection.window(role))
            for role, digest in sorted(held)
            if self._held(role, digest) != digest
        )

    def _held(self, role: str, digest: str) -> str:
        return self.cuts.get(role, {}).get(digest, digest)

    def _cropped(self, role: str, digest: str, item: ReleaseItem, level: int) -> LazyImage:
        image = open_image_tree(self.store, self._held(role, digest), level)
        return cropped(replace(image, name=item.name), self.selection.window(role), level)

    def _raster(self, item: ReleaseItem) -> Labels:
        """Labels within the region: uint32, yx or tyx."""
        array = TreeArray(self.store, self._held("labels", item.labels))
        places = self.selection.window("labels").places(array.axes, array.shape, ())
        return array.read(tuple(slice(p[0], p[-1] + 1) for p in places)).astype(np.uint32, copy=False)

    def _companion(self, item: ReleaseItem, kind: str) -> str:
        if self.selection.labels_only:
            raise self._left_out(item)
        return super().companion(item, kind)

    def _refuse_images(self, item: ReleaseItem) -> None:
        if self.selection.labels_only or self.selection.no_images:
            raise self._left_out(item)

    def _left_out(self, item: ReleaseItem) -> NotFound:
        return NotFound(
            f"this download holds {self.selection.line()}",
            where=f"{self.manifest.reference}, {item.name}",
            remedy="Download the release into another folder without that selection.",
        )


def _loaded(image: LazyImage) -> ImageData:
    return replace(image.facts, data=image.region(tuple(slice(0, n) for n in image.shape)))
