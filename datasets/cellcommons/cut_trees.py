"""Trees cut to a window: the same OME-Zarr, of the same shape, without the chunks that the window does not touch.

Files that are needed whole keep their sha256. A shard of which some chunks are needed becomes a shard of those alone.
The root document says that it is a part, so that nobody takes the zeros that zarr gives for an absent chunk for data.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.errors import InvalidDocument
from cellcommons.images.tree_array import INDEX_CODECS
from cellcommons.images.windows import Window
from cellcommons.object_store import ObjectStore
from cellcommons.tree import Tree, TreeEntry, load_tree

#: Shards of at most so many bytes are taken whole: asking for their chunks costs more than the others weigh.
WHOLE = 64 << 10
ROOT = "zarr.json"


@dataclass(frozen=True)
class ShardCut:
    """What is wanted of one shard.

    Attributes:
        entry: the shard in its tree. grid: chunks along each axis. places: along each axis, which are wanted.
        decoded: bytes of a chunk, decoded. codec: ``gzip`` or ``zstd``.
        share: about how many bytes that is, by pixels; only the shard's index says exactly.
    """

    entry: TreeEntry
    grid: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    decoded: int
    codec: str
    share: int

    @property
    def name(self) -> str:
        """The same for the same chunks of the same object, whatever tree holds it."""
        return sha256_hex(canonical_json([self.entry.sha256, self.places]))


@dataclass(frozen=True)
class TreeCut:
    """What is wanted of one tree.

    Attributes:
        tree: the whole. kept: files as they are. shards: those of which some chunks are wanted.
        window: that it is cut to. root: the document that says so.
    """

    tree: Tree
    kept: tuple[TreeEntry, ...]
    shards: tuple[ShardCut, ...]
    window: Window
    root: bytes

    def seal(self, store: ObjectStore, pieces: Mapping[str, TreeEntry]) -> str:
        """Put the cut tree into ``store``; return its digest, which is the whole's where nothing was left out.

        Args:
            pieces: name of each of ``shards`` -> the file that stands in for it.
        """
        entries = {entry.path: entry for entry in self.kept}
        for shard in self.shards:
            piece = pieces[shard.name]
            entries[shard.entry.path] = TreeEntry(shard.entry.path, piece.sha256, piece.size)
        if tuple(entries[path] for path in sorted(entries)) == self.tree.entries:
            return self.tree.digest
        entries[ROOT] = TreeEntry(ROOT, store.put(self.root), len(self.root))
        return Tree(tuple(sorted(entries.values()))).save(store)


def plan_cut(
    store: ObjectStore,
    digest: str,
    window: Window,
    *,
    at_hand: Callable[[TreeEntry], bool],
    every_axis: bool,
    where: str,
) -> TreeCut | None:
    """Find out which files and chunks of a tree a window needs; None where the tree holds no pixels.

    Args:
        store: holds the tree's listing, and gives its ``zarr.json`` files.
        at_hand: whether a file is on this machine whole; it is then taken whole.
        every_axis: whether the tree must have all axes that the window names.

    Raises:
        BadSelection: the region lies outside the image, or names an axis that it lacks.
        InvalidDocument: the tree is not one of ours.
    """
    tree = load_tree(store, digest)
    entries = {entry.path: entry for entry in tree.entries}
    if ROOT not in entries:
        return None
    try:
        root = json.loads(store.get(entries[ROOT].sha256))
        ome = root["attributes"]["ome"]
        scales = ome["multiscales"][0]
        axes = "".join(str(axis["name"]) for axis in scales["axes"])
        channels = [str(channel.get("label")) for channel in ome.get("omero", {}).get("channels", [])]
        kept = [entry for path, entry in entries.items() if "/c/" not in path]
        shards: list[ShardCut] = []
        for level, dataset in enumerate(scales["datasets"]):
            path = str(dataset["path"])
            array = json.loads(store.get(entries[f"{path}/{ROOT}"].sha256))
            if level == 0:
                sizes = dict(zip(axes, array["shape"], strict=True))
                window.check_size(sizes, every_axis=every_axis, where=where)
            places = window.places(axes, array["shape"], channels, level)
            for entry in tree.entries:
                if not entry.path.startswith(f"{path}/c/"):
                    continue
                cut = _cut(entry, array, places, path)
                if isinstance(cut, ShardCut) and entry.size > WHOLE and not at_hand(entry):
                    shards.append(cut)
                elif cut is not None:
                    kept.append(entry)
    except (ValueError, KeyError, IndexError, TypeError, ZeroDivisionError) as error:
        raise InvalidDocument(f"the tree is not an OME-Zarr image of ours ({error!r})", where=digest) from error
    return TreeCut(tree, tuple(kept), tuple(shards), window, marked(root, window))


def _cut(
    entry: TreeEntry, array: dict[str, Any], places: Sequence[Sequence[int]], path: str
) -> ShardCut | TreeEntry | None:
    """What of a shard is wanted: some chunks, all of it, or nothing."""
    shard = [int(n) for n in array["chunk_grid"]["configuration"]["chunk_shape"]]
    (codec,) = array["codecs"]
    sharding = codec["configuration"]
    chunk = [int(n) for n in sharding["chunk_shape"]]
    packed = str(sharding["codecs"][-1]["name"])
    spot = [int(n) for n in entry.path.removeprefix(f"{path}/c/").split("/")]
    grid = tuple(s // c for s, c in zip(shard, chunk, strict=True))
    wanted, pixels, chunks, all_pixels = [], 1, 1, 1
    for place, first, cells, size, along in zip(places, spot, grid, chunk, array["shape"], strict=True):
        here = {p // size for p in (place if not isinstance(place, range) else _steps(place, size))}
        begin = first * cells
        wanted.append(tuple(sorted(p - begin for p in here if begin <= p < begin + cells)))
        pixels *= sum(min(size, along - (begin + p) * size) for p in wanted[-1])
        chunks *= min(cells, -(-along // size) - begin)
        all_pixels *= min(cells * size, along - begin * size)
    if not all(wanted):
        return None
    known = (codec["name"], sharding["index_codecs"]) == ("sharding_indexed", INDEX_CODECS)
    known = known and 16 * math.prod(grid) + 4 <= entry.size
    if not known or packed not in ("gzip", "zstd") or math.prod(map(len, wanted)) >= chunks:
        return entry
    decoded = math.prod(chunk) * np.dtype(str(array["data_type"])).itemsize
    return ShardCut(entry, grid, tuple(wanted), decoded, packed, entry.size * pixels // all_pixels)


def _steps(place: range, size: int) -> Iterator[int]:
    """A pixel of every chunk of ``size`` that the range touches."""
    return itertools.chain(range(place.start, place.stop, size), (place[-1],))


def marked(root: dict[str, Any], window: Window) -> bytes:
    """The root document of a tree that was cut to ``window``."""
    own = root["attributes"].get("cellcommons", {})
    region = {axis: [wanted.start, wanted.stop] for axis, wanted in sorted(window.region.items())}
    part = {"channels": list(window.channels), "region": region, "elsewhere": "absent; read as 0, which is no data"}
    attributes = {**root["attributes"], "cellcommons": {**own, "part": part}}
    return canonical_json({**root, "attributes": attributes})


def check_cut(store: ObjectStore, whole: str, cut: str, window: Window) -> int:
    """Check that a cut tree is made of a whole one's files; return how many of them are shards cut to chunks.

    Raises:
        InvalidDocument: it holds something else. NotFound, DigestMismatch: a listing is missing or damaged.
    """
    entries = {entry.path: entry for entry in load_tree(store, whole).entries}
    pieces = 0
    for entry in load_tree(store, cut).entries:
        if entry == entries.get(entry.path):
            continue
        if entry.path == ROOT and ROOT in entries:
            if marked(json.loads(store.get(entries[ROOT].sha256)), window) != store.get(entry.sha256):
                raise InvalidDocument("zarr.json of a cut tree is not that of the whole", where=cut)
        elif entry.path in entries and "/c/" in entry.path:
            pieces += 1
        else:
            raise InvalidDocument(f"a cut tree holds {entry.path}, which the whole does not", where=cut)
    return pieces
