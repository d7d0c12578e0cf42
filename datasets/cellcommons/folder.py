"""A downloaded release on disk: the folder people open, over a cache of objects they need not look at.

``DIR/release.json`` says which release it is; ``DIR/images/<name>.zarr`` and ``DIR/labels/<name>.zarr`` are OME-Zarr,
``DIR/labels/<name>.json`` labels that are answers, ``DIR/companions/<name>/<kind>.zarr`` (or ``.json``) what is given
beside an image, ``DIR/indexes/<table>/*.parquet`` the tables, a file a part, ``DIR/data/*.parquet`` the images of each
split as one table, ``DIR/README.md`` the card, ``DIR/splits.json`` how the splits were made, ``DIR/summary.json``
counts, ``DIR/partial.json`` which channels and region are here where not all are; ``croissant.json``,
``datacite.json``, ``ro-crate-metadata.json`` and ``CITATION.cff`` are cards for machines.
All of them are links through ``DIR/.cellcommons/current``, see ``cellcommons.shelf``;
``DIR/.cellcommons`` is an object store and, with its ``manifest.json`` and ``signature.json``, a static mirror of the
release.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cellcommons.cache import link_file
from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.cards.release_documents import DOCUMENTS
from cellcommons.cutting import forget_pieces
from cellcommons.errors import (
    AlreadyThere,
    DigestMismatch,
    InvalidDocument,
    MissingExtra,
    NotFound,
)
from cellcommons.manifest import ObjectCount
from cellcommons.partial import PartialRelease
from cellcommons.parts import REPAIR
from cellcommons.reading import VALUES
from cellcommons.release import Member, Release, open_release
from cellcommons.selection import Selection
from cellcommons.shelf import RECORD, Edit, Shelf
from cellcommons.signing import Signature, check_signature
from cellcommons.store import FolderStore, object_path
from cellcommons.versions import parse_newest

try:
    import fcntl
except ImportError:  # Windows: two downloads into one folder are then not kept apart, but still verified.
    fcntl = None  # type: ignore[assignment]

STATE, PARTIAL = ".cellcommons", "partial.json"
KIND = "cellcommons.download/2"
_NAME_ONE = "Run: cellcommons download LAB/SLUG@VERSION DIR."
VIEW = (
    "images",
    "labels",
    "companions",
    "indexes",
    "data",
    "README.md",
    "splits.json",
    "summary.json",
    PARTIAL,
    *DOCUMENTS,
)


class ReleaseFolder:
    """The folder of one download.

    Attributes:
        root: what the person named. state: the cache in it. store: the objects in the cache.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().absolute()
        self.state = self.root / STATE
        self._shelf = Shelf(self.root, self.state, VIEW)

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.state)

    def record(self) -> dict[str, Any] | None:
        """What ``release.json`` says, or None where there is none. Raises InvalidDocument."""
        path = self.root / "release.json"
        try:
            document = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            raise InvalidDocument("release.json is damaged", where=str(path), remedy="Download it again.") from error
        if not isinstance(document, dict) or document.get("kind") != KIND:
            raise InvalidDocument("release.json is not that of a download", where=str(path))
        try:
            object_path(str(document.get("manifest_sha256")))
        except InvalidDocument as error:
            raise InvalidDocument("release.json is damaged", where=str(path), remedy="Download it again.") from error
        return document

    def dataset(self) -> str:
        """The dataset whose release the folder holds. Raises NotFound, InvalidDocument."""
        record = self.record()
        if record is None:
            raise NotFound("no downloaded release in this folder", where=str(self.root), remedy=_NAME_ONE)
        return str(record["reference"]).partition("@")[0]

    def prepare(self, reference: str) -> None:
        """Make the folder, or refuse one that holds something else. Raises AlreadyThere, InvalidDocument."""
        if self.root.exists() and not self.root.is_dir():
            raise AlreadyThere("this is a file, not a folder", where=str(self.root), remedy="Name another folder.")
        record = self.record() if self.state.is_dir() else None
        if record and self.dataset() != parse_newest(reference)[0]:
            raise AlreadyThere(
                f"the folder holds {record['reference']}", where=str(self.root), remedy="Name another folder."
            )
        if not self.state.is_dir():
            foreign = self._shelf.foreign()
            if foreign:
                raise AlreadyThere(
                    f"the folder holds {', '.join(foreign)}, not made by a download",
                    where=str(self.root),
                    remedy="Name an empty or a new folder.",
                )
        (self.state / "partial").mkdir(parents=True, exist_ok=True)

    def abandon(self) -> None:
        """Take away what was made for a download that cannot be."""
        shutil.rmtree(self.state, ignore_errors=True)
        with contextlib.suppress(OSError):  # it was there before, and holds something else
            self.root.rmdir()

    def signature(self) -> Signature | None:
        """Who signed the manifest, as it was downloaded; not checked. Raises InvalidDocument."""
        path = self.state / "signature.json"
        try:
            return Signature.parse(path.read_bytes(), where=str(path)) if path.is_file() else None
        except InvalidDocument as error:
            raise InvalidDocument(f"signature.json is damaged: {error.what}", where=str(path), remedy=REPAIR) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder against a second download. Raises AlreadyThere."""
        with open(self.state / "lock", "a") as handle:
            if fcntl is not None:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise AlreadyThere(
                        "another download is writing into this folder",
                        where=str(self.root),
                        remedy="Wait until it is done.",
                    ) from None
            yield

    def load(self) -> Release:
        """The release in this folder. Raises NotFound, InvalidDocument, DigestMismatch."""
        record = self.record()
        if record is None or not self.state.is_dir():
            raise NotFound(
                "no downloaded release in this folder",
                where=str(self.root),
                remedy=_NAME_ONE,
            )
        return self.opened(record["manifest_sha256"], self.selection())

    def opened(self, digest: str, selection: Selection) -> Release:
        """The release of that manifest, in the folder's store, or the part of it that ``selection`` takes."""
        try:
            release = open_release(self.store, digest)
        except DigestMismatch:
            raise DigestMismatch("the manifest does not match its sha256", where=digest, remedy=REPAIR) from None
        if not selection:
            return release
        record = self.record() or {}
        same = (record.get("manifest_sha256"), record.get("selection")) == (digest, selection.document())
        return PartialRelease(self.store, release.manifest, digest, selection, record.get("partial") if same else None)

    def selection(self) -> Selection:
        """What part of its release the folder holds. Raises InvalidDocument."""
        return Selection.parse((self.record() or {}).get("selection", {}), where=str(self.root / RECORD))

    def held(self) -> ObjectCount:
        """Objects that what is shown needs, the manifest not counted, and their bytes."""
        record, objects = self.record(), self._shelf.objects()
        objects.pop(str(record and record["manifest_sha256"]), None)
        return ObjectCount(len(objects), sum(objects.values()))

    def shown(self, *, damaged: bool = False) -> Release | None:
        """What the folder shows, or None. Raises as ``load``; with ``damaged`` what is damaged counts as nothing."""
        try:
            return self.load()
        except NotFound:
            return None
        except (InvalidDocument, DigestMismatch):
            if damaged:
                return None
            raise

    def files(self, release: Release) -> Iterator[tuple[str, str, int]]:
        """``(path below the folder, sha256, size)`` of every file people open."""
        for name, blob in release.files():
            yield name, blob.sha256, blob.size
        if isinstance(release, PartialRelease) and release.sealed:
            yield PARTIAL, release.sealed, self.store.size(release.sealed)
        for item in release.items():
            for role, digest in release.trees(item):
                stem = f"{role.removesuffix('s')}s/{item.path}"
                if role in item.companions:
                    stem = f"companions/{item.path}/{role}"
                for entry in release.tree(digest).entries:
                    path = f"{stem}.json" if entry.path == VALUES else f"{stem}.zarr/{entry.path}"
                    yield path, entry.sha256, entry.size

    def keep_signature(self, signature: Signature | None) -> None:
        """Keep it beside the manifest, where a mirror serves it; None: there is none any more."""
        self._shelf.add("signature.json", signature.to_bytes() if signature else None)

    def is_current(self, release: Release) -> bool:
        """Whether the folder shows exactly this, by names, sizes and times; reads no pixels."""
        record = self.record()
        return (
            record is not None
            and record == _record(release, record["hub"])
            and self._shelf.unchanged()
            and all(_size(self.state / object_path(d)) == size for d, size in self._shelf.objects().items())
        )

    def is_doubtful(self) -> bool:
        """Whether a power cut may have damaged what is shown: the machine was started anew since it was written."""
        return self._shelf.started_since()

    def trust(self) -> None:
        """All that is shown was read and is sound."""
        self._shelf.note_start()

    def edits(self) -> list[Edit]:
        """What somebody changed by hand among the files that are shown, by path."""
        return sorted(self._shelf.edits(), key=lambda edit: edit.path)

    def show(self, release: Release, hub: str, signature: Signature | None = None) -> None:
        """Lay the release out for people, by links, and make it the folder's release by one rename.

        The version shown before stays where it lies until the next swap; objects that neither needs are let go.

        Args:
            signature: of its manifest.
        """
        version = self._shelf.begin(release.manifest.version)
        for name in ("images", "labels"):
            (version / name).mkdir()
        shown: dict[str, str] = {}
        made: set[Path] = set()
        for path, digest, _ in self.files(release):
            target = version / path
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            link_file(self.state / object_path(digest), target)
            shown[path] = digest
        documents = {
            RECORD: canonical_json(_record(release, hub)) + b"\n",
            "manifest.json": release.manifest.to_bytes(),
        }
        if signature is not None:
            documents["signature.json"] = signature.to_bytes()
        before = self._shelf.current()
        self._shelf.finish(version, shown, documents, dict(release.objects()))
        self._shelf.swap(version)
        if before is not None:
            self._let_go()

    def _let_go(self) -> None:
        """Forget objects that no version kept needs, and what other downloads left half done."""
        store, needed = self.store, self._shelf.needed()
        for digest in list(store.digests()):
            if digest not in needed:
                store.delete(digest)
        forget_pieces(store, needed)
        shutil.rmtree(self.state / "partial", ignore_errors=True)
        (self.state / "partial").mkdir(exist_ok=True)

    def verify(self, progress: Callable[[Member], None] | None = None) -> Release:
        """Check every object, and every file people open, against its sha256; return the release.

        Raises:
            DigestMismatch, NotFound, InvalidDocument: naming the file at fault.
        """
        self._verify_record()
        release = self.load()
        release.verify(progress)
        self._verify_documents(release)
        for path, digest, _ in self.files(release):
            file, kept = self.root / path, self.state / object_path(digest)
            try:
                # A hard link is the object itself, and that has just been checked.
                if not os.path.samefile(file, kept) and sha256_hex(file.read_bytes()) != digest:
                    raise DigestMismatch("the file does not match its sha256", where=str(file), remedy=REPAIR)
            except FileNotFoundError:
                raise NotFound("the file is missing", where=str(file), remedy=REPAIR) from None
        for edit in self.edits():
            raise DigestMismatch(f"the file was {edit.what} by hand", where=str(self.root / edit.path), remedy=REPAIR)
        return release

    def _verify_record(self) -> None:
        record = self.root / RECORD
        laid = self._shelf.laid().get(RECORD)
        if laid is not None and record.is_file() and sha256_hex(record.read_bytes()) != laid.sha256:
            raise DigestMismatch("release.json is not as it was written", where=str(record), remedy=REPAIR)

    def _verify_documents(self, release: Release) -> None:
        """What stands beside the objects: the mirror's manifest, and the signature where it can be checked."""
        mirrored = self.state / "manifest.json"
        try:
            same = sha256_hex(mirrored.read_bytes()) == release.digest
        except FileNotFoundError:
            raise NotFound("the file is missing", where=str(mirrored), remedy=REPAIR) from None
        if not same:
            raise DigestMismatch("manifest.json does not match its sha256", where=str(mirrored), remedy=REPAIR)
        signature = self.signature()
        if signature is not None:
            # By its own key: whether that is the publisher's is for the reader to say, with --key.
            with contextlib.suppress(MissingExtra):
                check_signature(signature, release.digest, {signature.key})


def _record(release: Release, hub: str) -> dict[str, Any]:
    reference = release.manifest.reference
    record: dict[str, Any] = {"kind": KIND, "reference": reference, "manifest_sha256": release.digest, "hub": hub}
    if isinstance(release, PartialRelease):
        record["selection"] = release.selection.document()
        record |= {"partial": release.sealed} if release.sealed else {}
    return record


def load(folder: Path | str) -> Release:
    """Open a downloaded release.

    Raises:
        NotFound: the folder holds none; InvalidDocument, DigestMismatch: what it holds is damaged.
    """
    return ReleaseFolder(folder).load()


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
