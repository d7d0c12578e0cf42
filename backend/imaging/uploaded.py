"""An uploaded file as a path, wherever Django put it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile


@contextmanager
def on_disk(upload: UploadedFile) -> Iterator[Path]:
    """A path to the upload's bytes that carries its own name, so that messages name the file the person sent."""
    with tempfile.TemporaryDirectory(prefix="cellcommons-upload-") as folder:
        path = Path(folder) / (Path(upload.name or "").name[:255] or "upload")
        if isinstance(upload, TemporaryUploadedFile):
            upload.flush()
            path.symlink_to(upload.temporary_file_path())
        else:
            with open(path, "wb") as handle:
                for chunk in upload.chunks():
                    handle.write(chunk)
        yield path
