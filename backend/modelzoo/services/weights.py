"""Weights that somebody brings, to begin trainings with."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from django.db import transaction

from backend.core.storage import object_store
from backend.modelzoo.models import Weights
from backend.people.models import Person
from cellcommons.errors import UnreadableFile

MAX_HEADER = 1 << 24


def receive_weights(*, path: Path, filename: str, person: Person) -> Weights:
    """Keep a safetensors file; the same bytes again are the same row.

    Raises:
        UnreadableFile: not safetensors; nothing is kept. Other forms are never opened, for a pickle runs code.
    """
    tensors = _tensor_count(path, where=filename)
    digest = object_store().put_file(path)
    with transaction.atomic():
        weights, _ = Weights.objects.get_or_create(
            sha256=digest,
            defaults={
                "name": Path(filename).name[:255],
                "bytes": path.stat().st_size,
                "tensors": tensors,
                "uploaded_by": person,
            },
        )
    return weights


def _tensor_count(path: Path, *, where: str) -> int:
    """Tensors that the header lists; the worker reads them, and says which fit its network."""
    size = path.stat().st_size
    try:
        with open(path, "rb") as handle:
            (length,) = struct.unpack("<Q", handle.read(8))
            if length > min(MAX_HEADER, size - 8):
                raise ValueError("its header passes its end")
            header = json.loads(handle.read(length))
        spans = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
        if not spans or max(stop for _, stop in spans) != size - 8 - length:
            raise ValueError("its tensors do not fill it")
    except (struct.error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableFile(
            f"it is not a safetensors file ({error})",
            where=where,
            remedy="Save the weights with safetensors; pickled checkpoints are not opened.",
        ) from error
    return len(spans)
