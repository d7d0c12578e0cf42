"""What comes into an object store in parts: any order, any pauses, and no name before every byte is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cellcommons.errors import InvalidDocument, NotFound
from cellcommons.object_names import is_digest

PART = 8 << 20  # bytes; what is lost when a connection breaks, and what a browser holds in memory
MOST_PARTS = 9000  # S3 allows 10,000


@dataclass(frozen=True)
class PendingUpload:
    """An upload that a store has begun.

    Attributes:
        key: what the store calls it; whoever keeps it can go on after any pause.
        size, sha256: of the whole, as declared; other bytes never become an object.
        part_size: bytes of each part but the last. Parts are numbered from 1.
    """

    key: str
    size: int
    sha256: str
    part_size: int

    def __post_init__(self) -> None:
        if self.size < 1 or self.part_size < 1 or not is_digest(self.sha256):
            raise InvalidDocument(
                "an upload has at least one byte and a sha256 of 64 lower-case hex digits", where=self.sha256[:80]
            )

    @property
    def count(self) -> int:
        """Number of parts."""
        return -(-self.size // self.part_size)

    def offset(self, number: int) -> int:
        """Where in the whole part ``number`` begins. Raises InvalidDocument where there is no such part."""
        if not 1 <= number <= self.count:
            raise InvalidDocument(f"the upload has parts 1 to {self.count}", where=f"part {number}")
        return (number - 1) * self.part_size

    def length(self, number: int) -> int:
        """Bytes of part ``number``. Raises InvalidDocument where there is no such part."""
        return min(self.part_size, self.size - self.offset(number))


def part_size_of(size: int) -> int:
    """Bytes of a part for a whole of ``size`` bytes: whole MiB, so many that they stay below 9,000 parts."""
    return max(PART, -(-size // (MOST_PARTS << 20)) << 20)


class PartWriter(Protocol):
    """One part on its way in. It counts only after ``keep``; sent again, it replaces what was there."""

    def write(self, block: bytes) -> None:
        """The next bytes. Raises InvalidDocument where there are more than the part has."""

    def keep(self) -> None:
        """Make the part durable. Raises InvalidDocument where bytes are missing, NotFound where the upload is gone."""

    def drop(self) -> None:
        """Forget it; after ``keep`` this does nothing."""


class ObjectUploads(Protocol):
    """Uploads of one store; ``cellcommons.testing.upload_suite`` holds each to it."""

    def begin(self, size: int, sha256: str, *, part_size: int | None = None) -> PendingUpload:
        """Make room for ``size`` bytes. Raises InvalidDocument, DiskFull."""

    def parts(self, upload: PendingUpload) -> set[int]:
        """Numbers of the parts that are here whole. Raises NotFound where the upload is gone."""

    def receive(self, key: str, number: int, length: int) -> PartWriter:
        """Take in part ``number``, of ``length`` bytes, of the upload ``key``. Raises NotFound."""

    def link(self, upload: PendingUpload, number: int, *, seconds: int, endpoint: str = "") -> str | None:
        """An address that takes a PUT of this one part for ``seconds``; None where parts come by ``receive`` alone."""

    def finish(self, upload: PendingUpload) -> str:
        """Read all parts, and if they hash to the declared sha256, give the whole its name as an object; return it.

        Called again, after death at any moment, it does the same. What it read from stays until ``abandon``.

        Raises:
            InvalidDocument: parts are missing. DigestMismatch: other bytes came; nothing is kept.
            NotFound: the upload is gone.
        """

    def abandon(self, upload: PendingUpload) -> None:
        """Forget the upload and its parts, not the object that it has become; absent is fine."""


def no_such_upload(key: str) -> NotFound:
    """The error for an upload that was abandoned, or never begun."""
    return NotFound("this upload is gone", where=key[:80], remedy="Begin it again.")


def check_part(written: int, length: int, number: int) -> None:
    """Refuse a part that is not as long as it must be. Raises InvalidDocument."""
    if written != length:
        what = "is longer than" if written > length else f"ended after {written:,} of"
        raise InvalidDocument(
            f"the part {what} its {length:,} bytes", where=f"part {number}", remedy="Send the part again."
        )


def check_whole(upload: PendingUpload, here: set[int]) -> None:
    """Refuse to finish while parts are missing. Raises InvalidDocument."""
    if missing := upload.count - len(here):
        raise InvalidDocument(f"{missing} of {upload.count} parts are missing", where=upload.sha256)
