"""Releases: sealed once, never changed, opened by the sha256 of their manifest."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cellcommons.classes import Ontology, parse_ontology
from cellcommons.counting import counted_files, item_objects, item_trees, object_count
from cellcommons.errors import DigestMismatch, InvalidDocument, NotFound
from cellcommons.extras import require
from cellcommons.images.data import ImageData
from cellcommons.images.lazy import LazyImage
from cellcommons.images.ome_zarr import open_image_tree, read_image_tree, read_label_stack, read_labels
from cellcommons.images.outline import read_outline
from cellcommons.indexes import SCHEMAS, SPLITS, CellRow, Provenance, ReleaseItem
from cellcommons.kinds.given import DETECTIONS, TARGET
from cellcommons.labels import Labels
from cellcommons.links import movie_of
from cellcommons.manifest import Blob, Manifest, ObjectCount
from cellcommons.parts import (
    REPAIR,
    counted_sources,
    differing,
    load_part,
    parsed_parts,
    part_of,
    read_part_items,
    read_part_sources,
)
from cellcommons.reading import Reading, read_reading, read_values
from cellcommons.store import CHUNK, ObjectStore
from cellcommons.summary import Summary
from cellcommons.tracks import LabelMovie
from cellcommons.tree import Tree, TreeEntry, load_tree

__all__ = ["CellRow", "Provenance", "Release", "ReleaseItem", "open_release"]


def open_release(store: ObjectStore, manifest_sha256: str) -> Release:
    """Open the release named by its manifest. Raises NotFound, DigestMismatch, InvalidDocument."""
    return Release(store, Manifest.load(store, manifest_sha256), manifest_sha256)


@dataclass(frozen=True)
class Member:
    """One object of a release and what it is to it, e.g. ``"image a1, file zarr.json"``."""

    sha256: str
    size: int
    role: str


class Release:
    """An immutable release in an object store. Indexes are read on first use.

    Attributes:
        manifest: what it holds. digest: sha256 of the manifest.
    """

    def __init__(self, store: ObjectStore, manifest: Manifest, digest: str) -> None:
        self.store, self.manifest, self.digest = store, manifest, digest

    def __repr__(self) -> str:
        counts = self.manifest.counts
        return f"<Release {self.manifest.reference}: {counts.images} images, {counts.cells} cells>"

    @cached_property
    def parts(self) -> dict[int, TreeEntry]:
        """Number of each part -> the entry of its listing. Raises NotFound, DigestMismatch, InvalidDocument."""
        parts = self.manifest.parts
        try:
            return parsed_parts(load_tree(self.store, parts.sha256), parts.depth)
        except NotFound:
            raise _missing("the listing of parts", parts.sha256) from None

    def part(self, number: int) -> Tree | None:
        """The listing of one part's files by their path in a download; None where it holds nothing."""
        entry = self.parts.get(number)
        return load_part(self.store, entry) if entry else None

    def part_items(self, number: int) -> list[ReleaseItem]:
        """The items of one part, in order of image id."""
        tree = self.part(number)
        return read_part_items(self.store, tree) if tree else []

    def part_sources(self, number: int) -> dict[str, tuple[str, int]]:
        """Source -> split and number of images, of the sources of one part."""
        return read_part_sources(self.store, self.part(number))

    def chosen(self, images: Iterable[str]) -> dict[str, ReleaseItem]:
        """Image id -> item, of those of ``images`` that it has; only their parts are read."""
        wanted = set(images)
        numbers = {part_of(image, self.manifest.parts.depth) for image in wanted}
        found = (item for number in sorted(numbers) for item in self.part_items(number))
        return {item.image: item for item in found if item.image in wanted}

    def source_counts(self, sources: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Source -> its split and how many images it has, of those of ``sources`` that it has."""
        wanted = set(sources)
        numbers = {part_of(source, self.manifest.parts.depth) for source in wanted}
        found = {name: said for number in sorted(numbers) for name, said in self.part_sources(number).items()}
        return {name: said for name, said in found.items() if name in wanted}

    @cached_property
    def summary(self) -> Summary:
        """Counts of everything it holds."""
        return Summary.load(self.store, self.manifest.summary.sha256)

    @cached_property
    def _items(self) -> tuple[ReleaseItem, ...]:
        found = (item for number in sorted(self.parts) for item in self.part_items(number))
        return tuple(sorted(found, key=lambda item: item.image))

    def files(self) -> Iterator[tuple[str, Blob]]:
        """Every file of a download but those of trees, by path."""
        yield from self.manifest.blobs().items()
        for number in sorted(self.parts):
            tree = self.part(number)
            yield from ((entry.path, Blob(entry.sha256, entry.size)) for entry in (tree.entries if tree else ()))

    def items(self, split: str | None = None) -> Iterator[ReleaseItem]:
        """The items of one split, or all, in order of image id.

        Raises:
            InvalidDocument: no such split, or a damaged index.
        """
        if split is not None and split not in SPLITS:
            raise InvalidDocument(f"split {split!r} is not one of {', '.join(SPLITS)}", where=self.manifest.reference)
        return (item for item in self._items if split is None or item.split == split)

    def image(self, item: ReleaseItem, level: int = 0) -> ImageData:
        """The item's pixels: axes cyx, of a movie tcyx, of a stack czyx; ``level`` 1, 2, ... are halved in y and x."""
        return read_image_tree(self.store, item.tree, level)

    def lazy(self, item: ReleaseItem, level: int = 0) -> LazyImage:
        """The item's pixels to be read region by region, of an opened release by range; axes as ``image``."""
        return replace(open_image_tree(self.store, item.tree, level), name=item.name)

    def table(self, name: str) -> pa.Table:
        """One of the indexes (images, labels, cells, companions, tracks, splits, provenance, sources), part by part.

        Raises NotFound.
        """
        if name not in self.manifest.indexes:
            known = ", ".join(sorted(self.manifest.indexes))
            raise NotFound(f"no table {name!r}", where=self.manifest.reference, remedy=f"There are {known}.")
        held = [blob for path, blob in self.files() if path.startswith(f"indexes/{name}/")]
        found = [pq.read_table(pa.BufferReader(self.store.get(blob.sha256))) for blob in held]
        return pa.concat_tables(found) if found else SCHEMAS[name].empty_table()

    def frame(self, name: str) -> Any:
        """The same as a pandas ``DataFrame``. Raises NotFound; MissingExtra without pandas."""
        require("pandas", extra="pandas", what="a table as a data frame")
        return self.table(name).to_pandas()

    def labels(self, item: ReleaseItem) -> Labels:
        """The item's label map: uint32, axes yx, 0 is background. Raises InvalidDocument where the task paints none."""
        return read_labels(self.store, item.labels)

    def reading(self, item: ReleaseItem) -> Reading:
        """The item's labels as the task says them: raster, values, or both."""
        return read_reading(self.store, item.labels)

    def companion(self, item: ReleaseItem, kind: str) -> str:
        """Tree digest of what is given beside the item's image. Raises NotFound where nothing of that kind is."""
        try:
            return item.companions[kind]
        except KeyError:
            raise NotFound(f"no {kind} beside the image", where=f"{self.manifest.reference}, {item.name}") from None

    def movie(self, item: ReleaseItem) -> LabelMovie:
        """The item's detections as the tracks that its links make of them. Raises NotFound where it has none."""
        detections = read_label_stack(self.store, self.companion(item, DETECTIONS))
        outline = read_outline(self.store, item.tree)
        return movie_of(
            detections,
            read_values(self.store, item.labels),
            pixel_size=outline.pixel_size,
            seconds_per_frame=outline.seconds_per_frame,
        )

    def target(self, item: ReleaseItem, level: int = 0) -> ImageData:
        """The real counterpart of the item's image, axes cyx, of its rows and columns. Raises NotFound without one."""
        return read_image_tree(self.store, self.companion(item, TARGET), level)

    @cached_property
    def ontology(self) -> Ontology | None:
        """The classes that labels name, or None."""
        document = self.manifest.ontology
        return None if document is None else parse_ontology(document, where=self.manifest.reference)

    def published(self, item: ReleaseItem) -> tuple[tuple[str, str], ...]:
        """``(role, tree digest)`` of every tree of the item that is wanted of this release, its image first."""
        return item_trees(item)

    def trees(self, item: ReleaseItem) -> tuple[tuple[str, str], ...]:
        """The same as it is held here: a download of some channels or a region holds trees cut to these."""
        return self.published(item)

    def need_whole(self, what: str) -> None:
        """Raise InvalidDocument if this holds only a window of its images, for ``what`` cannot be done with that."""

    def tree(self, digest: str) -> Tree:
        """The listing of one image's or label map's files."""
        return load_tree(self.store, digest)

    def card(self) -> str:
        """The dataset card, markdown."""
        return self.store.get(self.manifest.card.sha256).decode()

    def members(self) -> Iterator[Member]:
        """Every object the release needs with its role, each sha256 once, the manifest first.

        Listings come before what they list, so that a copy can be made while reading.
        """
        seen = {self.digest}
        yield Member(self.digest, len(self.manifest.to_bytes()), "the manifest")
        for role, blob in self._named():
            if blob.sha256 not in seen:
                seen.add(blob.sha256)
                yield Member(blob.sha256, blob.size, role)
        for item in self._items:
            for kind, digest in self.trees(item):
                if digest in seen:
                    continue
                seen.add(digest)
                role = f"{kind} {item.path}, listing"
                if not self.store.exists(digest):
                    raise _missing(role, digest)
                yield Member(digest, self.store.size(digest), role)
                for entry in self.tree(digest).entries:
                    if entry.sha256 not in seen:
                        seen.add(entry.sha256)
                        yield Member(entry.sha256, entry.size, f"{kind} {item.path}, file {entry.path}")

    def _named(self) -> Iterator[tuple[str, Blob]]:
        yield "the listing of parts", self.manifest.parts
        for name, blob in self.manifest.blobs().items():
            yield f"file {name}", blob
        for number, entry in sorted(self.parts.items()):
            yield f"part {entry.path}, listing", Blob(entry.sha256, entry.size)
            tree = self.part(number)
            yield from ((f"file {e.path}", Blob(e.sha256, e.size)) for e in (tree.entries if tree else ()))

    def objects(self) -> Iterator[tuple[str, int]]:
        """``(sha256, size)`` of every object the release needs, each once, the manifest first."""
        return ((member.sha256, member.size) for member in self.members())

    def counted(self) -> ObjectCount:
        """Distinct objects, the manifest not counted, and their bytes: what a download fetches. Reads listings."""
        sizes = [size for digest, size in self.objects() if digest != self.digest]
        return ObjectCount(len(sizes), sum(sizes))

    def verify(self, progress: Callable[[Member], None] | None = None) -> ObjectCount:
        """Read every object and check its sha256; return how many there are, the manifest not counted.

        Raises:
            DigestMismatch: bytes changed; NotFound: an object is missing; InvalidDocument: the indexes disagree.
                The message says which index, image or label map it is.
        """
        count = total = 0
        for member in self.members():
            hash_object(self.store, member)
            if member.sha256 != self.digest:
                count, total = count + 1, total + member.size
            if progress:
                progress(member)
        self.check_counts()
        return ObjectCount(count, total)

    def check_counts(self) -> None:
        """Count everything anew and compare with what is said. Raises InvalidDocument."""
        where, depth = self.manifest.reference, self.manifest.parts.depth
        for number in self.parts:
            if any(part_of(item.image, depth) != number for item in self.part_items(number)):
                raise InvalidDocument("an image lies in a part that is not its own", where=f"{where}, part {number}")
        sources = {name: held for number in self.parts for name, held in self.part_sources(number).items()}
        if sources != counted_sources(self._items):
            raise InvalidDocument("the index of sources is not that of the images", where=where)
        added = ((item, *item_objects(self.store, item)) for item in self._items)
        found = Summary().changed(added=added, sources=Counter(split for split, _ in sources.values()))
        if found != self.summary or found.counts() != self.manifest.counts:
            raise InvalidDocument("the manifest's counts are not those of its indexes", where=where)
        trees = {number: tree for number in self.parts if (tree := self.part(number))}
        indexes, shards = counted_files(trees.values(), found)
        if (indexes, shards) != (self.manifest.indexes, self.manifest.shards):
            raise InvalidDocument("the manifest's indexes are not those of its parts", where=where)
        if object_count(self.manifest, self.parts.values(), found) != self.manifest.objects:
            raise InvalidDocument("the manifest's objects are not those it leads to", where=where)


def differing_items(before: Release, after: Release) -> tuple[dict[str, ReleaseItem], dict[str, ReleaseItem]]:
    """Image id -> item, in the one and in the other, of the parts that differ: the other parts are never opened.

    Of releases of different depth that is everything.
    """
    if before.manifest.parts.depth != after.manifest.parts.depth:
        found = [list(release.items()) for release in (before, after)]
    else:
        numbers = list(differing(before.parts, after.parts))
        found = [[i for number in numbers for i in release.part_items(number)] for release in (before, after)]
    one, other = ({item.image: item for item in items} for items in found)
    return one, other


def hash_object(store: ObjectStore, member: Member) -> None:
    """Stream one object and compare. Raises DigestMismatch, NotFound."""
    hasher, size = hashlib.sha256(), 0
    try:
        with store.open(member.sha256) as handle:
            while block := handle.read(CHUNK):
                hasher.update(block)
                size += len(block)
    except NotFound:
        raise _missing(member.role, member.sha256) from None
    if hasher.hexdigest() != member.sha256 or size != member.size:
        raise DigestMismatch(
            f"{member.role} does not match its sha256",
            where=member.sha256,
            remedy=REPAIR,
        )


def _missing(role: str, digest: str) -> NotFound:
    return NotFound(f"{role} is missing", where=digest, remedy=REPAIR)
