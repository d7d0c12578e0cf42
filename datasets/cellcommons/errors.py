"""Errors a person can act on: what is wrong, where, and what to do about it."""

from __future__ import annotations


class CellCommonsError(Exception):
    """Base of every refusal of bad input.

    Args:
        what: one clause naming the fault, e.g. ``"the file ends before its pixel data"``.
        where: the file, field or id at fault.
        remedy: what the person can do next.
    """

    code = "error"
    title = "The request could not be carried out"

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(self.line())

    def line(self) -> str:
        """The error as one line, for a terminal."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        return " ".join((f"{text}. {self.remedy}" if self.remedy else text).split())


class UnreadableFile(CellCommonsError):
    """The bytes are not what the format promises (truncated, damaged, empty)."""

    code = "unreadable-file"
    title = "The file cannot be read"


class WrongFormat(CellCommonsError):
    """The content and the name (or the supported formats) disagree."""

    code = "wrong-format"
    title = "The file is not of the expected format"


class TooLarge(CellCommonsError):
    """The declared or real size passes a limit."""

    code = "too-large"
    title = "The file is above the size limit"


class UnsafeArchive(CellCommonsError):
    """An archive member would leave its folder, or is a link or a bomb."""

    code = "unsafe-archive"
    title = "The archive is not safe to unpack"


class UnknownLayout(CellCommonsError):
    """No layout of that name, or the folder does not follow it."""

    code = "unknown-layout"
    title = "The layout is not known"


class MismatchedShapes(CellCommonsError):
    """A mask, label map or pair differs in shape from its image."""

    code = "mismatched-shapes"
    title = "Image and labels differ in shape"


class AlreadyThere(CellCommonsError):
    """The same bytes or slug exist already."""

    code = "already-there"
    title = "It is already there"


class DigestMismatch(CellCommonsError):
    """Bytes do not hash to the name they are kept under."""

    code = "digest-mismatch"
    title = "The bytes do not match their sha256"


class NotFound(CellCommonsError):
    """The named thing does not exist here."""

    code = "not-found"
    title = "It does not exist"


class BadSelection(NotFound):
    """What was selected of a release is not in it: no such image or channel, or a region outside an image."""

    code = "bad-selection"
    title = "The selection does not fit"


class BadSignature(CellCommonsError):
    """A manifest is not signed by the key asked for, or the signature does not fit it."""

    code = "bad-signature"
    title = "The signature is not valid"


class Withdrawn(CellCommonsError):
    """It was published and taken back; what is said is why. Its name never serves anything else."""

    code = "withdrawn"
    title = "It was withdrawn"

    def __init__(self, what: str, *, where: str = "", remedy: str = "", extra: dict[str, str] | None = None) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.extra = extra or {}


class InvalidDocument(CellCommonsError):
    """An order, manifest or report lacks a field or holds a bad value."""

    code = "invalid-document"
    title = "The document is not valid"


class MissingExtra(CellCommonsError):
    """A package that this kind of file needs is not installed."""

    code = "missing-extra"
    title = "A reader for this kind of file is not installed"


class CannotCarry(CellCommonsError):
    """A layout or format has no place for something that would be lost; ``features`` names what."""

    code = "cannot-carry"
    title = "The layout cannot carry all of it"

    def __init__(self, what: str, *, where: str = "", remedy: str = "", features: tuple[str, ...] = ()) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.features = features


class Unreachable(CellCommonsError):
    """A hub or mirror does not answer, refuses, or keeps breaking off."""

    code = "unreachable"
    title = "The hub cannot be reached"


class StoreUnusable(CellCommonsError):
    """The object store cannot be used: not there, not allowed, not answering. Nothing is wrong with what was asked."""

    code = "store-unusable"
    title = "The object store cannot be used"


class EditedLocally(CellCommonsError):
    """Files of a download were changed by hand and would be replaced; ``paths`` names them."""

    code = "edited-locally"
    title = "Files were changed by hand"

    def __init__(self, what: str, *, where: str = "", remedy: str = "", paths: tuple[str, ...] = ()) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.paths = paths


class DiskFull(CellCommonsError):
    """There is no room left to write; what is there stays valid."""

    code = "disk-full"
    title = "The disk is full"
