"""Seal a release: from all its items, or from what changed since its parent, which gives the very same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cellcommons.canonical import canonical_json
from cellcommons.cards.licences import check_licence
from cellcommons.cards.release_documents import release_documents
from cellcommons.classes import Ontology
from cellcommons.counting import counted_files, item_objects, item_trees, object_count
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.indexes import ReleaseItem, named_items
from cellcommons.kinds.registry import kind_of
from cellcommons.manifest import Blob, Index, Manifest, ObjectCount, Parts
from cellcommons.parts import (
    by_part,
    counted_sources,
    fitting_depth,
    load_part,
    moved_sources,
    part_entry,
    part_of,
    parts_tree,
    read_part_items,
    read_part_sources,
    write_part,
)
from cellcommons.release import Release, open_release
from cellcommons.store import ObjectStore
from cellcommons.summary import Summary
from cellcommons.tree import Tree, TreeEntry, load_tree
from cellcommons.versions import FIRST, change_between, parse_version

_NONE: Counter[tuple[str, str]] = Counter()


def seal_release(
    store: ObjectStore,
    *,
    dataset: str,
    title: str,
    parent: str | None,
    created: str,
    licence: str,
    task: str,
    items: Iterable[ReleaseItem],
    card_text: str | Callable[[Summary, str], str],
    split_certificate: Mapping[str, Any] | Callable[[str], Mapping[str, Any]],
    removed: Iterable[str] | None = None,
    ontology: Ontology | None = None,
    given_licences: Iterable[str] = (),
) -> tuple[Manifest, str]:
    """Write indexes, shards, cards, certificate and manifest into ``store``; return the manifest and its sha256.

    Trees are named, never copied. Sealing the same items with the same ``created`` again gives the same sha256, whether
    all of them are given or only those that changed. The version follows from what changed since ``parent``, see
    ``cellcommons.versions``.

    Args:
        parent: sha256 of the manifest that this one follows, in ``store``; None for a first release, 1.0.0.
        items: all that the release holds; or, where ``removed`` is given, those that are new or changed since
            ``parent``, the others being as ``parent`` has them. Only the parts that change are then read and written,
            unless there are too many images for the parent's parts, or task or classes are others.
        removed: ids of the parent's images that are gone.
        card_text: the README, or a function that writes it from the counts and the version.
        split_certificate: JSON that says how the splits were made, or a function that gives it for the sha256 of the
            listing of parts (``split_certificate.Certified.sealed``).
        ontology: the classes, where the task has any.
        given_licences: SPDX ids of what the release is made from; ``licence`` must be as strict as each.

    Raises:
        InvalidDocument: no items, bad fields, a task that is not known, classes outside the ontology, links to cells
            that the detections have not, a source in more than one split, a licence that is too mild, or the parent
            is a release of another dataset, or lacks what is removed.
        MismatchedShapes: labels, companions or a target that are not of their image's shape or pixel size.
        NotFound: the parent, a tree, or a file of a tree, is not in the store.
    """
    kind = kind_of(task, where=dataset)
    if kind.classed != (ontology is not None):
        raise InvalidDocument(
            f"{task} {'needs an ontology' if kind.classed else 'takes no ontology'}",
            where=dataset,
            remedy="Name the classes that labels may have." if kind.classed else "Leave it out.",
        )
    check_licence(licence, given_licences, where=dataset)
    before = open_release(store, parent) if parent else None
    if before is not None and before.manifest.dataset != dataset:
        raise InvalidDocument(f"the parent is {before.manifest.reference}", where=dataset)
    if removed is not None and before is None:
        raise InvalidDocument("what changed is said of a parent, and there is none", where=dataset)
    meaning: dict[str, Any] = {"task": task, "ontology": ontology.document() if ontology else None}
    meant = {"task": before.manifest.task, "ontology": before.manifest.ontology} if before else meaning
    with store.batch() as batch:
        run = _Sealing(store, batch, before)
        if removed is None or before is None:
            content = run.everything([kind.sealed(store, item, ontology) for item in named_items(items)])
        elif meant != meaning:
            kept = run.merged(named_items(items), set(removed))
            content = run.everything([kind.sealed(store, item, ontology) for item in kept])
        else:
            content = run.changes([kind.sealed(store, i, ontology) for i in named_items(items)], set(removed))
        version = FIRST
        if before is not None:
            change = change_between(content.old, content.new, meant_before=meant, meant_after=meaning)
            version = parse_version(before.manifest.version).after(change)
        text = card_text if isinstance(card_text, str) else card_text(content.summary, str(version))
        said = split_certificate(content.parts.sha256) if callable(split_certificate) else split_certificate
        manifest = Manifest(
            dataset=dataset,
            title=title,
            version=str(version),
            parent=parent,
            created=created,
            licence=licence,
            task=task,
            indexes=content.indexes,
            shards=content.shards,
            parts=content.parts,
            summary=_put(batch, content.summary.to_bytes()),
            card=_put(batch, text.encode()),
            certificate=_put(batch, canonical_json(dict(said))),
            counts=content.summary.counts(),
            objects=ObjectCount(0, 0),
            ontology=meaning["ontology"],
        )
        documents = {path: _put(batch, data) for path, data in release_documents(manifest).items()}
        manifest = replace(manifest, files=documents)
        manifest = replace(manifest, objects=object_count(manifest, content.entries.values(), content.summary))
        return manifest, manifest.save(batch)


@dataclass(frozen=True)
class _Content:
    """What a release holds, written; ``old`` and ``new`` are the items by which it may differ from its parent."""

    summary: Summary
    parts: Parts
    entries: Mapping[int, TreeEntry]
    indexes: dict[str, Index]
    shards: Index
    old: list[ReleaseItem]
    new: list[ReleaseItem]


class _Sealing:
    """Reads from ``store``, writes into ``batch``."""

    def __init__(self, store: ObjectStore, batch: ObjectStore, before: Release | None) -> None:
        self.store, self.batch, self.before = store, batch, before

    def merged(self, items: list[ReleaseItem], removed: set[str]) -> list[ReleaseItem]:
        """All items, where ``items`` changed: the parent's others are read."""
        assert self.before is not None
        given = {item.image: item for item in items}
        held = {item.image: item for item in self.before.items()}
        _check_removed(removed, held.keys(), given.keys())
        return named_items({**{i: item for i, item in held.items() if i not in removed}, **given}.values())

    def everything(self, items: list[ReleaseItem], *, checked: frozenset[str] = frozenset()) -> _Content:
        """Every part anew. ``checked``: images whose trees are known to be there."""
        if not items:
            raise InvalidDocument("a release holds at least one image")
        for item in items:
            if item.image not in checked:
                self._check_trees(item)
        held = counted_sources(items)
        sources = Counter(split for split, _ in held.values())
        added = ((item, *item_objects(self.store, item)) for item in items)
        summary = Summary().changed(added=added, sources=sources)
        depth = self._depth(summary)
        grouped = by_part(items, depth)
        of_sources: dict[int, dict[str, tuple[str, int]]] = {}
        for name, found in held.items():
            of_sources.setdefault(part_of(name, depth), {})[name] = found
        trees = {
            number: tree
            for number in sorted(grouped.keys() | of_sources.keys())
            if (
                tree := write_part(
                    self.batch,
                    number,
                    depth,
                    items=named_items(grouped.get(number, ())),
                    sources=of_sources.get(number, {}),
                )
            )
        }
        entries = {number: part_entry(number, tree) for number, tree in trees.items()}
        indexes, shards = counted_files(trees.values(), summary)
        old = list(self.before.items()) if self.before else []
        return _Content(summary, self._parts(entries, depth), entries, indexes, shards, old, items)

    def changes(self, items: list[ReleaseItem], removed: set[str]) -> _Content:
        """The parent's parts, but for those that hold what changed."""
        assert self.before is not None
        before, depth = self.before, self.before.manifest.parts.depth
        given = {item.image: item for item in items}
        for item in items:
            self._check_trees(item)
        touched = {part_of(image, depth) for image in given.keys() | removed}
        listings = {number: load_part(self.store, before.parts[number]) for number in touched if number in before.parts}
        held = {number: read_part_items(self.store, tree) for number, tree in listings.items()}
        old = {item.image: item for part in held.values() for item in part}
        _check_removed(removed, old.keys(), given.keys())
        old = {image: item for image, item in old.items() if image in given or image in removed}

        gone = Counter((item.source, item.split) for item in old.values())
        came = Counter((item.source, item.split) for item in items)
        leaving, coming = _by_part(gone - came, depth), _by_part(came - gone, depth)
        sources = {}
        for number in sorted(leaving.keys() | coming.keys()):
            if number not in listings and number in before.parts:
                listings[number] = load_part(self.store, before.parts[number])
            said = read_part_sources(self.store, listings.get(number))
            sources[number] = said, moved_sources(said, leaving.get(number, _NONE), coming.get(number, _NONE))
        more = Counter(split for _, after in sources.values() for split, _ in after.values())
        more.subtract(split for said, _ in sources.values() for split, _ in said.values())
        summary = before.summary.changed(
            without=((item, *item_objects(self.store, item)) for item in old.values()),
            added=((item, *item_objects(self.store, item)) for item in items),
            sources=more,
        )
        if not summary.total("images"):
            raise InvalidDocument("a release holds at least one image")
        if self._depth(summary) != depth:
            everything = self.merged(items, removed)
            known = frozenset(item.image for item in everything)
            return replace(self.everything(everything, checked=known), old=list(old.values()), new=items)

        trees: dict[int, Tree] = {}
        arrived = by_part(items, depth)
        for number in sorted(touched | sources.keys()):
            kept = [item for item in held.get(number, ()) if item.image not in old]
            tree = write_part(
                self.batch,
                number,
                depth,
                items=named_items([*kept, *arrived.get(number, ())]) if number in touched else None,
                sources=sources[number][1] if number in sources else None,
                before=listings.get(number),
            )
            if tree is not None:
                trees[number] = tree
        entries = {n: e for n, e in before.parts.items() if n not in listings}
        entries |= {number: part_entry(number, tree) for number, tree in trees.items()}
        return _Content(
            summary,
            self._parts(entries, depth),
            entries,
            *_recounted(before.manifest, listings.values(), trees.values(), summary),
            list(old.values()),
            items,
        )

    def _depth(self, summary: Summary) -> int:
        deep = self.before.manifest.parts.depth if self.before else 0
        return max(deep, fitting_depth(summary.total("images"), summary.total("cells")))

    def _parts(self, entries: Mapping[int, TreeEntry], depth: int) -> Parts:
        blob = _put(self.batch, parts_tree(entries).to_bytes())
        return Parts(blob.sha256, blob.size, depth)

    def _check_trees(self, item: ReleaseItem) -> None:
        for _, digest in item_trees(item):
            for entry in load_tree(self.store, digest).entries:
                if not self.store.exists(entry.sha256):
                    raise NotFound(f"file {entry.path} of {item.name} is not in the store", where=entry.sha256)


def _by_part(tally: Counter[tuple[str, str]], depth: int) -> dict[int, Counter[tuple[str, str]]]:
    found: dict[int, Counter[tuple[str, str]]] = {}
    for (source, split), n in tally.items():
        found.setdefault(part_of(source, depth), Counter())[source, split] = n
    return found


def _recounted(
    before: Manifest, without: Iterable[Tree], added: Iterable[Tree], summary: Summary
) -> tuple[dict[str, Index], Index]:
    less, more = counted_files(without, summary), counted_files(added, summary)

    def sum_of(one: Index, minus: Index, plus: Index) -> Index:
        return Index(plus.rows, one.files - minus.files + plus.files, one.bytes - minus.bytes + plus.bytes)

    indexes = {name: sum_of(index, less[0][name], more[0][name]) for name, index in before.indexes.items()}
    return indexes, sum_of(before.shards, less[1], more[1])


def _check_removed(removed: Iterable[str], held: Iterable[str], given: Iterable[str]) -> None:
    strange = sorted((set(removed) - set(held)) | (set(removed) & set(given)))
    if strange:
        raise InvalidDocument("an image is said to be gone that was not there, or is given too", where=strange[0])


def _put(store: ObjectStore, data: bytes) -> Blob:
    return Blob(store.put(data), len(data))
