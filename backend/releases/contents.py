"""What a release is sealed from: consensus rows turned into the items of a manifest, nothing written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backend.annotation.models import Annotation
from backend.consensus.evidence import Evidence
from backend.consensus.models import Consensus
from backend.consensus.selectors import companions_of
from cellcommons.canonical import sha256_hex
from cellcommons.indexes import SPLITS
from cellcommons.release import CellRow, Provenance, ReleaseItem
from cellcommons.store import ObjectStore
from cellcommons.summary import Summary


def release_item(store: ObjectStore, consensus: Consensus, split: str, dataset_id: object) -> ReleaseItem:
    """One image of a release with its consensus, what is given beside it, its cells and where they come from.

    Raises:
        NotFound, DigestMismatch, InvalidDocument: the evidence of the consensus is not in the store as it was written.
    """
    image = consensus.item.image
    evidence = Evidence.load(store, consensus.cells_sha256)
    readings = list(consensus.readings.all())
    return ReleaseItem(
        image=str(image.pk),
        name=image.name,
        tree=image.tree_sha256,
        labels=consensus.labels_sha256,
        split=split,
        source=image.source.name,
        stratum=image.stratum,
        channels=tuple(image.channels),
        height=image.height,
        width=image.width,
        cells=tuple(CellRow(c.id, c.box, c.area, c.agreement, c.classes) for c in evidence.cells),
        companions=companions_of(consensus.item),
        provenance=Provenance(
            method=consensus.method,
            consensus=str(consensus.pk),
            annotations=tuple(sorted(str(reading.pk) for reading in readings)),
            people=tuple(sorted({pseudonym(dataset_id, reading.person_id) for reading in readings})),
            prediction=_judged(readings) or _started_from(readings),
        ),
    )


def pseudonym(dataset_id: object, person_id: object) -> str:
    """A reader's name in the releases of one dataset: the same in each release, another in each dataset."""
    return "reader-" + sha256_hex(f"{dataset_id}/{person_id}".encode())[:12]


def class_counts(summary: Summary, names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Class -> split -> rows of ``cells`` that name it: subjects, or images where classes are of pixels."""
    counts = {split: summary.by_key("classes", split) for split in SPLITS}
    return {name: {split: counts[split][name] for split in SPLITS} for name in names}


def _judged(readings: Sequence[Annotation]) -> str | None:
    """Id of the prediction that the readings judged: what they marked are its failures. None where they judged none."""
    for reading in readings:
        shown = reading.assignment.given if reading.assignment else []
        for row in shown:
            if row.get("role") == "predicted":
                provenance = Annotation.objects.values_list("provenance", flat=True).get(pk=row["annotation"])
                return str(provenance.get("prediction", row["annotation"]))
    return None


def _started_from(readings: Sequence[Annotation]) -> str | None:
    """Id of the prediction that the readings started from. An item has one draft; None if nobody used it."""
    predictions = {
        str(reading.started_from.provenance["prediction"])
        for reading in readings
        if reading.started_from is not None and "prediction" in reading.started_from.provenance
    }
    return min(predictions, default=None)
