"""What the bench seals is what it says: valid trees that no two images share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellcommons.images.ome_zarr import read_image_tree, read_labels
from cellcommons.labels import cells
from cellcommons.store import FolderStore
from tests.bench.large_releases import KINDS, large_items, relabelled, templates


def test_generated_objects_are_valid_and_unlike_each_other(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    made = templates(store)
    items = list(large_items(store, KINDS + 2, made))
    assert len({item.tree for item in items} | {item.labels for item in items}) == 2 * len(items)
    one, same = items[0], items[KINDS]
    assert np.array_equal(read_image_tree(store, one.tree).data, read_image_tree(store, same.tree).data)
    assert [cell.id for cell in cells(read_labels(store, one.labels))] == [row.id for row in one.cells]
    again = relabelled(store, [one], made)[0]
    assert (again.tree, again.image) == (one.tree, one.image)
    assert again.labels not in {item.labels for item in items}
    assert [cell.area for cell in cells(read_labels(store, again.labels))] == [row.area for row in again.cells]
