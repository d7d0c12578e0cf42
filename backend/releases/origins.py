"""Where one published image's labels come from: who read it, under pseudonyms, and what each cell rests on."""

from __future__ import annotations

from dataclasses import dataclass

from backend.consensus.evidence import Evidence
from backend.consensus.selectors import companions_of
from backend.core.storage import object_store
from backend.releases.contents import pseudonym, release_item
from backend.releases.models import ReleaseImage
from cellcommons.indexes import CellRow, ReleaseItem
from cellcommons.store import ObjectStore
from cellcommons.tree import load_tree

#: Cells that one answer tells of; all of them are in ``cells.parquet``.
CELLS_TOLD = 200


@dataclass(frozen=True)
class Reader:
    """One reading that the labels were fused from.

    Attributes:
        reader: pseudonym within the dataset. annotation: id of the reading. from_prediction: it began with a model's
            draft. unchanged: that draft was accepted as it was.
    """

    reader: str
    annotation: str
    from_prediction: bool
    unchanged: bool


@dataclass(frozen=True)
class CellOrigin:
    """One cell, or what the task has in its place, and the readers that it rests on.

    Attributes:
        readers: pseudonyms. decided: an expert put it there.
    """

    row: CellRow
    readers: tuple[str, ...]
    decided: bool


@dataclass(frozen=True)
class Origin:
    """All that is known of one image of a release.

    Attributes:
        trees: name -> digest of each OME-Zarr: ``image``, ``labels`` where the task paints, what is given beside it.
        cells: the first ``CELLS_TOLD``, those that readers agreed on least first.
    """

    item: ReleaseItem
    trees: dict[str, str]
    readers: tuple[Reader, ...]
    adjudications: int
    cells: tuple[CellOrigin, ...]


def image_origin(row: ReleaseImage) -> Origin:
    """What a published image was made from, as it was sealed.

    Raises:
        NotFound, DigestMismatch, InvalidDocument: the evidence of its consensus is not in the store as it was written.
    """
    store, consensus = object_store(), row.consensus
    dataset_id = row.release.dataset_id
    item = release_item(store, consensus, row.split, dataset_id)
    evidence = Evidence.load(store, consensus.cells_sha256)
    readings = sorted(consensus.readings.all(), key=lambda reading: (reading.created, str(reading.pk)))
    names = {str(reading.pk): pseudonym(dataset_id, reading.person_id) for reading in readings}
    cells = [
        CellOrigin(
            told,
            tuple(dict.fromkeys(names[one.annotation] for one in known.support if one.annotation in names)),
            known.adjudication is not None,
        )
        for told, known in zip(item.cells, evidence.cells, strict=True)
    ]
    cells.sort(key=lambda cell: (1.0 if cell.row.agreement is None else cell.row.agreement, cell.row.id))
    return Origin(
        item=item,
        trees=_trees(store, item),
        readers=tuple(
            Reader(names[str(one.pk)], str(one.pk), one.started_from_id is not None, one.accepted_unchanged)
            for one in readings
        ),
        adjudications=len({known.adjudication for known in evidence.cells if known.adjudication is not None}),
        cells=tuple(cells[:CELLS_TOLD]),
    )


def zarr_tree(row: ReleaseImage, name: str) -> str | None:
    """Digest of one OME-Zarr of a published image, by the names of ``Origin.trees``; None where it has none such."""
    if name == "image":
        return row.image.tree_sha256
    if name == "labels":
        return row.consensus.labels_sha256
    return companions_of(row.consensus.item).get(name)


def _trees(store: ObjectStore, item: ReleaseItem) -> dict[str, str]:
    paints = any(entry.path == "zarr.json" for entry in load_tree(store, item.labels).entries)
    return {"image": item.tree, **({"labels": item.labels} if paints else {}), **item.companions}
