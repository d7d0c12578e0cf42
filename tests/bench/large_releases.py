"""Large generated releases, made quickly: real OME-Zarr objects, of which no two images share their pixels.

A few dozen images are generated and encoded as usual. Every further one takes the files of one of these, its shards
made unlike all others by eight bytes before the shard's index, where zarr's format lets a shard hold what no chunk
names. So every object is a valid part of a valid tree, and 100,000 images take minutes and not hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cellcommons.images.data import ImageData
from cellcommons.images.ome_zarr import write_image, write_labels
from cellcommons.indexes import SPLITS, CellRow, Provenance, ReleaseItem
from cellcommons.labels import cells
from cellcommons.store import ObjectStore
from cellcommons.synthetic.cells import generate_cells
from cellcommons.tree import Tree, TreeEntry

KINDS, SIDE, CELLS = 32, 128, 20
#: One chunk of 128 x 128: its offset and size, and a checksum.
INDEX_BYTES = 20
AT_ONCE = 2000


@dataclass(frozen=True)
class Template:
    """Files (path -> bytes) of one generated image and of its labels, and its cells."""

    image: dict[str, bytes]
    labels: dict[str, bytes]
    rows: tuple[CellRow, ...]


def templates(store: ObjectStore, *, seed: int = 0) -> list[Template]:
    """The generated images, 128 x 128 with about 20 cells each; their objects are left in ``store``."""
    made = []
    for number in range(KINDS):
        scene = generate_cells(seed * 1000 + number, height=SIDE, width=SIDE, count=CELLS)
        pixels = np.random.default_rng(number).integers(0, 800, (1, SIDE, SIDE), dtype=np.uint16)
        pixels[0] += (scene.labels > 0).astype(np.uint16) * 9000
        trees = write_image(store, ImageData(pixels, "cyx", ("DNA",))), write_labels(store, scene.labels)
        image, labels = ({entry.path: store.get(entry.sha256) for entry in tree.entries} for tree in trees)
        rows = tuple(CellRow(cell.id, cell.box, cell.area, 0.9) for cell in cells(scene.labels))
        made.append(Template(image, labels, rows))
    return made


def large_items(
    store: ObjectStore, count: int, made: Sequence[Template], *, images_a_source: int = 4
) -> Iterator[ReleaseItem]:
    """``count`` images with labels, their objects put into ``store``, two thousand at a time."""
    for first in range(0, count, AT_ONCE):
        with store.batch() as batch:
            found = [
                _item(batch, made, number, images_a_source) for number in range(first, min(count, first + AT_ONCE))
            ]
        yield from found


def relabelled(
    store: ObjectStore, items: Sequence[ReleaseItem], made: Sequence[Template], *, turn: int = 1
) -> list[ReleaseItem]:
    """The same images with other labels, put into ``store``."""
    with store.batch() as batch:
        return [_relabelled(batch, item, made, turn) for item in items]


def _item(store: ObjectStore, made: Sequence[Template], number: int, images_a_source: int) -> ReleaseItem:
    source, kind = number // images_a_source, made[number % KINDS]
    return ReleaseItem(
        image=f"{number:08x}-0000-4000-8000-000000000000",
        name=f"field {number}",
        tree=_tree(store, kind.image, number),
        labels=_tree(store, kind.labels, number),
        split=SPLITS[0 if source % 10 < 7 else 1 if source % 10 < 8 else 2],
        source=f"slide {source}",
        stratum=("fluorescence", "bright field")[source % 2],
        channels=("DNA",),
        height=SIDE,
        width=SIDE,
        cells=kind.rows,
        provenance=_provenance(number, 0),
    )


def _relabelled(store: ObjectStore, item: ReleaseItem, made: Sequence[Template], turn: int) -> ReleaseItem:
    number = int(item.image[:8], 16)
    kind = made[(number + turn) % KINDS]
    labels = _tree(store, kind.labels, number + (turn << 32))
    return replace(item, labels=labels, cells=kind.rows, provenance=_provenance(number, turn))


def _provenance(number: int, turn: int) -> Provenance:
    ids = tuple(f"{number:08x}-{turn:04x}-4000-8000-{reading:012x}" for reading in range(4))
    people = tuple(f"reader-{(number + reading) % 50:012x}" for reading in range(3))
    return Provenance("majority", ids[3], ids[:3], people)


def _tree(store: ObjectStore, files: dict[str, bytes], number: int) -> str:
    mark = number.to_bytes(8, "little")
    entries = []
    for path, data in files.items():
        if not path.endswith("zarr.json"):
            data = data[:-INDEX_BYTES] + mark + data[-INDEX_BYTES:]
        entries.append(TreeEntry(path, store.put(data), len(data)))
    return Tree(tuple(sorted(entries))).save(store)
