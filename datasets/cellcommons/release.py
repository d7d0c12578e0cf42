"""Releases: sealed once, never changed, opened by the sha256 of their manifest."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cellcommons.canonical import canonical_json
from cellcommons.cards.licences import check_licence
from cellcommons.cards.release_documents import release_documents
from cellcommons.classes import Ontology, parse_ontology
from cellcommons.errors import DigestMismatch, InvalidDocument, NotFound
from cellcommons.extras import require
from cellcommons.images.data import ImageData
from cellcommons.images.lazy import LazyImage
from cellcommons.images.ome_zarr import open_image_tree, read_image_tree, read_label_stack, read_labels
from cellcommons.images.outline import read_outline
from cellcommons.indexes import SPLITS, CellRow, Provenance, ReleaseItem, named_items, read_items, write_indexes
from cellcommons.kinds.given import DETECTIONS, TARGET
from cellcommons.kinds.registry import kind_of
from cellcommons.kinds.tracking import divisions
from cellcommons.labels import Labels
from cellcommons.links import movie_of
from cellcommons.manifest import Blob, Counts, Index, Manifest, ObjectCount
from cellcommons.reading import Reading, read_reading, read_values
from cellcommons.shards import write_shards
from cellcommons.splits import check_leaks
from cellcommons.store import CHUNK, ObjectStore
from cellcommons.tracks import LabelMovie
from cellcommons.tree import Tree, load_tree
from cellcommons.versions import FIRST, Version, change_between, parse_version

__all__ = ["CellRow", "Provenance", "Release", "ReleaseItem", "open_release", "seal_release"]

REPAIR = "Restore this object from another copy, or repeat the download with --repair."


def seal_release(
    store: ObjectStore,
    *,
    slug: str,
    title: str,
    parent: str | None,
    created: str,
    licence: str,
    task: str,
    items: Iterable[ReleaseItem],
    card_text: str | Callable[[Sequence[ReleaseItem], str], str],
    split_certificate: Mapping[str, Any],
    ontology: Ontology | None = None,
    given_licences: Iterable[str] = (),
) -> tuple[Manifest, str]:
    """Write indexes, shards, cards, certificate and manifest into ``store``; return the manifest and its sha256.

    Trees are named, never copied. Sealing the same items with the same ``created`` again gives the same sha256. The
    version follows from what changed since ``parent``, see ``cellcommons.versions``.

    Args:
        parent: sha256 of the manifest that this one follows, in ``store``; None for a first release, 1.0.0.
        card_text: the README, or a function that writes it from the items as they are sealed and the version.
        ontology: the classes, where the task has any.
        given_licences: SPDX ids of what the release is made from; ``licence`` must be as strict as each.

    Raises:
        InvalidDocument: no items, bad fields, a task that is not known, classes outside the ontology, links to cells
            that the detections have not, a source in more than one split, a licence that is too mild, or the parent
            is a release of another dataset.
        MismatchedShapes: labels, companions or a target that are not of their image's shape or pixel size.
        NotFound: the parent, a tree, or a file of a tree, is not in the store.
    """
    kind = kind_of(task, where=slug)
    if kind.classed != (ontology is not None):
        raise InvalidDocument(
            f"{task} {'needs an ontology' if kind.classed else 'takes no ontology'}",
            where=slug,
            remedy="Name the classes that labels may have." if kind.classed else "Leave it out.",
        )
    check_licence(licence, given_licences, where=slug)
    named = named_items(items)
    if not named:
        raise InvalidDocument("a release holds at least one image", where=slug)
    leaks = check_leaks({i.image: i.split for i in named}, {i.image: i.source for i in named}, ())
    if leaks:
        raise InvalidDocument(leaks[0].line(), where=leaks[0].source, remedy="Split by source with cellcommons.splits.")
    sizes = _tree_objects(store, named)
    named = [kind.sealed(store, item, ontology) for item in named]
    counts = _count(named)
    meaning: dict[str, Any] = {"task": task, "ontology": ontology.document() if ontology else None}
    version = str(_next_version(open_release(store, parent), slug, named, meaning) if parent else FIRST)
    indexes = {}
    for name, (data, rows) in write_indexes(named).items():
        indexes[name] = Index(store.put(data), len(data), rows)
    card = _put(store, (card_text if isinstance(card_text, str) else card_text(named, version)).encode())
    certificate = _put(store, canonical_json(dict(split_certificate)))
    manifest = Manifest(
        dataset=slug,
        title=title,
        version=version,
        parent=parent,
        created=created,
        licence=licence,
        task=task,
        indexes=indexes,
        card=card,
        certificate=certificate,
        counts=counts,
        objects=ObjectCount(0, 0),
        ontology=meaning["ontology"],
        files={path: _put(store, data) for path, data in write_shards(named).items()},
    )
    documents = {path: _put(store, data) for path, data in release_documents(manifest).items()}
    manifest = replace(manifest, files={**manifest.files, **documents})
    sizes |= {blob.sha256: blob.size for blob in manifest.blobs().values()}
    manifest = replace(manifest, objects=ObjectCount(len(sizes), sum(sizes.values())))
    return manifest, manifest.save(store)


def _next_version(before: Release, slug: str, items: Sequence[ReleaseItem], meaning: Mapping[str, Any]) -> Version:
    if before.manifest.dataset != slug:
        raise InvalidDocument(f"the parent is {before.manifest.reference}", where=slug)
    meant = {"task": before.manifest.task, "ontology": before.manifest.ontology}
    change = change_between(before.items(), items, meant_before=meant, meant_after=meaning)
    return parse_version(before.manifest.version).after(change)


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
    def _items(self) -> tuple[ReleaseItem, ...]:
        indexes = {}
        for name, index in self.manifest.indexes.items():
            try:
                indexes[name] = self.store.get(index.sha256)
            except NotFound:
                raise _missing(f"file indexes/{name}.parquet", index.sha256) from None
        return tuple(read_items(indexes))

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
        """One of the indexes (images, labels, cells, companions, tracks, splits, provenance). Raises NotFound."""
        index = self.manifest.indexes.get(name)
        if index is None:
            known = ", ".join(sorted(self.manifest.indexes))
            raise NotFound(f"no table {name!r}", where=self.manifest.reference, remedy=f"There are {known}.")
        return pq.read_table(pa.BufferReader(self.store.get(index.sha256)))

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
        for name, blob in self.manifest.blobs().items():
            if blob.sha256 not in seen:
                seen.add(blob.sha256)
                yield Member(blob.sha256, blob.size, f"file {name}")
        for item in self._items:
            for kind, digest in item_trees(item):
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

    def objects(self) -> Iterator[tuple[str, int]]:
        """``(sha256, size)`` of every object the release needs, each once, the manifest first."""
        return ((member.sha256, member.size) for member in self.members())

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
        found = ObjectCount(count, total)
        if found != self.manifest.objects or _count(self._items) != self.manifest.counts:
            raise InvalidDocument("the manifest's counts are not those of its indexes", where=self.manifest.reference)
        return found


def item_trees(item: ReleaseItem) -> tuple[tuple[str, str], ...]:
    """``(role, tree digest)`` of every tree an item names, its image first."""
    return ("image", item.tree), ("labels", item.labels), *sorted(item.companions.items())


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


def _count(items: Sequence[ReleaseItem]) -> Counts:
    splits = Counter(item.split for item in items)
    return Counts(
        images=len(items),
        cells=sum(len(item.cells) for item in items),
        readings=sum(len(item.provenance.annotations) for item in items),
        splits={name: splits[name] for name in SPLITS},
        tracks=sum(len(item.tracks) for item in items),
        divisions=sum(divisions(item) for item in items),
    )


def _put(store: ObjectStore, data: bytes) -> Blob:
    return Blob(store.put(data), len(data))


def _tree_objects(store: ObjectStore, items: Iterable[ReleaseItem]) -> dict[str, int]:
    """sha256 -> size of every listing and file the items lead to; each must be in the store."""
    sizes: dict[str, int] = {}
    for digest, name in {digest: item.name for item in items for _, digest in item_trees(item)}.items():
        sizes[digest] = store.size(digest)
        for entry in load_tree(store, digest).entries:
            if entry.sha256 not in sizes and not store.exists(entry.sha256):
                raise NotFound(f"file {entry.path} of {name} is not in the store", where=entry.sha256)
            sizes[entry.sha256] = entry.size
    return sizes
