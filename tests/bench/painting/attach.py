"""Runs with a hub's environment: a label map becomes the draft of a campaign's only image, as a model's would."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
import numpy as np


def main(labels_file: Path, campaign: str) -> None:
    """Every tenth cell is one that the model was unsure of."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings.hub")
    django.setup()
    # After Django knows its apps.
    from backend.annotation.models import Item
    from backend.annotation.services import attach_draft
    from backend.core.storage import object_store
    from cellcommons.images.ome_zarr import write_labels

    labels = np.load(labels_file)
    ids = [int(cell) for cell in np.unique(labels) if cell]
    attach_draft(
        item=Item.objects.get(campaign__slug=campaign),
        labels_sha256=write_labels(object_store(), labels).digest,
        cells=len(ids),
        cell_scores={str(cell): 0.5 if cell % 10 == 0 else 0.9 for cell in ids},
        provenance={"prediction": "bench", "checkpoint_sha256": "0" * 64},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
