"""Stop an upload that is above the limit while it arrives, before the disk is full of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler

from cellcommons.errors import TooLarge


class LimitedUpload(FileUploadHandler):
    """Counts what arrives; a request's declared or real size above ``ARCHIVE_LIMIT_BYTES`` is refused."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: bytes, encoding: str | None = None
    ) -> None:
        self._received = 0
        self._check(content_length)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self._received += len(raw_data)
        self._check(self._received)
        return raw_data  # on to the next handler, which keeps it

    def file_complete(self, file_size: int) -> None:
        return None

    def _check(self, size: int) -> None:
        if size > settings.ARCHIVE_LIMIT_BYTES:
            raise TooLarge(
                f"the upload has {size:,} bytes or more; this hub takes {settings.ARCHIVE_LIMIT_BYTES:,}",
                remedy="Split it, or import the folder on the hub's own machine with ./hub import.",
            )
