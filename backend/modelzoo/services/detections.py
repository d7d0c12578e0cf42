"""What a segmenter saw in a movie becomes the cells that people link."""

from __future__ import annotations

import numpy as np
from django.db import transaction

from backend.core.storage import object_store
from backend.imaging.kinds.tracking import detections_summary
from backend.imaging.models import Companion, CompanionKind
from backend.modelzoo.models import PredictionRun
from cellcommons.errors import InvalidDocument
from cellcommons.images.ome_zarr import read_label_stack
from cellcommons.orders import PredictionReport


def keep_detections(*, run: PredictionRun, report: PredictionReport) -> int:
    """Give each predicted movie that has none its masks; how many were given. A second call changes nothing.

    Raises:
        InvalidDocument: a tree is no stack of masks whose ids run from 1 in each frame.
        NotFound, DigestMismatch: it is not in the store as it was written.
    """
    rows = []
    for prediction in report.predictions:
        masks = read_label_stack(object_store(), prediction.labels)
        if masks.ndim != 3:
            raise InvalidDocument("masks of a movie have axes tyx", where=prediction.image)
        summary = detections_summary(masks)
        # Links name cells by these ids, and answers are checked against the counts alone.
        for frame, (labels, cells) in enumerate(zip(masks, summary["cells"], strict=True)):
            if np.count_nonzero(np.unique(labels)) != cells:
                raise InvalidDocument(
                    f"ids of frame {frame} do not run from 1 to the number of its cells", where=prediction.image
                )
        rows.append((prediction, summary))
    given = 0
    with transaction.atomic():
        for prediction, summary in rows:
            _, fresh = Companion.objects.get_or_create(
                image_id=prediction.image,
                kind=CompanionKind.DETECTIONS,
                defaults={"tree_sha256": prediction.labels, "summary": summary | {"prediction_run": str(run.pk)}},
            )
            given += fresh
    return given
