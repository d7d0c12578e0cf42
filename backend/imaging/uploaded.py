"""What was uploaded as a path that carries its own name, wherever its bytes are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile

from cellcommons.object_store import CHUNK, ObjectStore
from cellcommons.store import FolderStore, object_path


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


@contextmanager
def object_on_disk(store: ObjectStore, digest: str, name: str) -> Iterator[Path]:
    """A path to an object that ends in ``name``; no copy where the store is a folder. Raises NotFound."""
    with tempfile.TemporaryDirectory(prefix="cellcommons-upload-") as folder:
        path = Path(folder) / (Path(name).name[:255] or "upload")
        with store.open(digest) as source:
            if isinstance(store, FolderStore):
                path.symlink_to(store.root / object_path(digest))
            else:
                with open(path, "wb") as handle:
                    while block := source.read(CHUNK):
                        handle.write(block)
        yield path
