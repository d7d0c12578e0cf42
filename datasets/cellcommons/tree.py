"""A tree: the sealed, sorted listing of one image's or one label map's OME-Zarr files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.store import ObjectStore, object_path

FORMAT = "cellcommons-tree-1"


@dataclass(frozen=True, order=True)
class TreeEntry:
    """One file: POSIX path inside the tree, sha256 of its bytes, size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Tree:
    """A sorted, hashed listing. Its digest is the sha256 of its canonical JSON."""

    entries: tuple[TreeEntry, ...]

    def __post_init__(self) -> None:
        paths = [entry.path for entry in self.entries]
        if paths != sorted(set(paths)):
            raise InvalidDocument("tree paths must be sorted and unique")
        files = set(paths)
        for entry in self.entries:
            path, pure = entry.path, PurePosixPath(entry.path)
            plain = pure.parts and ".." not in pure.parts and str(pure) == path and not {"\\", "\0"} & set(path)
            if pure.is_absolute() or not plain:
                raise InvalidDocument("tree paths stay inside the tree", where=path)
            if any(str(parent) in files for parent in pure.parents):
                raise InvalidDocument("a tree path lies below another file", where=path)
            object_path(entry.sha256)
            if entry.size < 0:
                raise InvalidDocument("a file has no negative size", where=path)

    def document(self) -> dict[str, Any]:
        """JSON form."""
        return {"format": FORMAT, "entries": [[e.path, e.sha256, e.size] for e in self.entries]}

    def to_bytes(self) -> bytes:
        """The listing itself: canonical JSON."""
        return canonical_json(self.document())

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.entries)

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON: the tree's name."""
        return sha256_hex(self.to_bytes())

    def save(self, store: ObjectStore) -> str:
        """Put the listing itself into ``store``; return its digest."""
        return store.put(self.to_bytes())

    def entry(self, path: str) -> TreeEntry:
        """The entry at ``path``. Raises NotFound."""
        for entry in self.entries:
            if entry.path == path:
                return entry
        raise NotFound("no such file in the tree", where=path)

    def materialise(self, store: ObjectStore, folder: Path) -> None:
        """Write every file below ``folder``, verified."""
        for entry in self.entries:
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(store.get(entry.sha256))


def parse_tree(data: bytes, *, where: str = "") -> Tree:
    """Parse a stored listing. Raises InvalidDocument."""
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise InvalidDocument(f"tree format {document['format']!r} is not known", where=where)
        return Tree(tuple(TreeEntry(str(p), str(s), int(n)) for p, s, n in document["entries"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidDocument(f"the tree listing is damaged ({error})", where=where) from error


def load_tree(store: ObjectStore, digest: str) -> Tree:
    """Load a listing by digest. Raises NotFound, DigestMismatch, InvalidDocument."""
    return parse_tree(store.get(digest), where=digest)


def seal_files(store: ObjectStore, files: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> Tree:
    """Put files (path -> bytes) and their listing into ``store``; return the tree."""
    items = files.items() if isinstance(files, Mapping) else files
    tree = Tree(tuple(sorted(TreeEntry(path, store.put(data), len(data)) for path, data in items)))
    tree.save(store)
    return tree


def seal_folder(store: ObjectStore, folder: Path) -> Tree:
    """Put every file below ``folder`` into ``store``; return the tree."""
    entries = [
        TreeEntry(path.relative_to(folder).as_posix(), store.put_file(path), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    tree = Tree(tuple(sorted(entries)))
    tree.save(store)
    return tree
