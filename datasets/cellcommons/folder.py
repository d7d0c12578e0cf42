"""A downloaded release on disk: the folder people open, over a cache of objects they need not look at.

``DIR/release.json`` says which release it is; ``DIR/images/<name>.zarr`` and ``DIR/labels/<name>.zarr`` are OME-Zarr,
``DIR/labels/<name>.json`` labels that are answers, ``DIR/companions/<name>/<kind>.zarr`` (or ``.json``) what is given
beside an image, ``DIR/indexes/*.parquet`` the tables, ``DIR/data/*.parquet`` the images of each split as one table,
``DIR/README.md`` the card, ``DIR/splits.json`` how the splits were made; ``croissant.json``, ``datacite.json``,
``ro-crate-metadata.json`` and ``CITATION.cff`` are cards for machines;
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

from cellcommons.canonical import canonical_json, sha256_hex
from cellcommons.cards.release_documents import DOCUMENTS
from cellcommons.errors import AlreadyThere, CellCommonsError, DigestMismatch, InvalidDocument, NotFound
from cellcommons.reading import VALUES
from cellcommons.release import REPAIR, Member, Release, item_trees, open_release
from cellcommons.signing import Signature
from cellcommons.store import FolderStore, object_path
from cellcommons.versions import parse_reference

try:
    import fcntl
except ImportError:  # Windows: two downloads into one folder are then not kept apart, but still verified.
    fcntl = None  # type: ignore[assignment]

STATE = ".cellcommons"
KIND = "cellcommons.download/1"
VIEW = ("images", "labels", "companions", "indexes", "data", "README.md", "splits.json", *DOCUMENTS)


class ReleaseFolder:
    """The folder of one download.

    Attributes:
        root: what the person named. state: the cache in it. store: the objects in the cache.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().absolute()
        self.state = self.root / STATE

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
        object_path(str(document.get("manifest_sha256")))
        return document

    def prepare(self, reference: str) -> None:
        """Make the folder, or refuse one that holds something else. Raises AlreadyThere, InvalidDocument."""
        if self.root.exists() and not self.root.is_dir():
            raise AlreadyThere("this is a file, not a folder", where=str(self.root), remedy="Name another folder.")
        record = self.record() if self.state.is_dir() else None
        if record and parse_reference(str(record["reference"]))[0] != parse_reference(reference)[0]:
            raise AlreadyThere(
                f"the folder holds {record['reference']}", where=str(self.root), remedy="Name another folder."
            )
        if not self.state.is_dir():
            foreign = [name for name in (*VIEW, "release.json") if (self.root / name).exists()]
            if foreign:
                raise AlreadyThere(
                    f"the folder holds {', '.join(foreign)}, not made by a download",
                    where=str(self.root),
                    remedy="Name an empty or a new folder.",
                )
        (self.state / "partial").mkdir(parents=True, exist_ok=True)

    def signature(self) -> Signature | None:
        """Who signed the manifest, as it was downloaded; not checked. Raises InvalidDocument."""
        path = self.state / "signature.json"
        return Signature.parse(path.read_bytes(), where=str(path)) if path.is_file() else None

    def keep_signature(self, signature: Signature | None) -> None:
        """Keep it beside the manifest, where a mirror serves it; None: there is none any more."""
        path = self.state / "signature.json"
        if signature is None:
            path.unlink(missing_ok=True)
        elif not path.is_file() or path.read_bytes() != signature.to_bytes():
            _write(path, signature.to_bytes())

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
                remedy="Run: cellcommons download SLUG@VERSION DIR.",
            )
        return open_release(self.store, record["manifest_sha256"])

    def files(self, release: Release) -> Iterator[tuple[str, str, int]]:
        """``(path below the folder, sha256, size)`` of every file people open."""
        for name, blob in release.manifest.blobs().items():
            yield name, blob.sha256, blob.size
        for item in release.items():
            for role, digest in item_trees(item):
                stem = f"{role.removesuffix('s')}s/{item.path}"
                if role in item.companions:
                    stem = f"companions/{item.path}/{role}"
                for entry in release.tree(digest).entries:
                    path = f"{stem}.json" if entry.path == VALUES else f"{stem}.zarr/{entry.path}"
                    yield path, entry.sha256, entry.size

    def is_current(self, release: Release) -> bool:
        """Whether the folder shows exactly this release, by names and sizes; reads no pixels."""
        record = self.record()
        marker = self.state / "view"
        if record is None or record["manifest_sha256"] != release.digest or not marker.exists():
            return False
        if marker.read_text() != release.digest:
            return False
        return all(
            _size(self.root / path) == size == _size(self.state / object_path(digest))
            for path, digest, size in self.files(release)
        )

    def show(self, release: Release, hub: str) -> None:
        """Lay the release out for people, by hard links where the disk has them, and make it the folder's release.

        Everything is built aside and renamed into place; ``release.json`` is last. A reader through
        ``cellcommons.load`` sees the old release or the new one, never a mixture.
        """
        stage, replaced = self.state / "stage", self.state / "replaced"
        for folder in (stage, replaced):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        for name in ("images", "labels"):
            (stage / name).mkdir()
        for path, digest, _ in self.files(release):
            target = stage / path
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(self.state / object_path(digest), target)
        (self.state / "view").unlink(missing_ok=True)
        for name in VIEW:
            if (self.root / name).exists():
                os.replace(self.root / name, replaced / name)
            if (stage / name).exists():
                os.replace(stage / name, self.root / name)
        record = {"kind": KIND, "reference": release.manifest.reference, "manifest_sha256": release.digest, "hub": hub}
        _write(self.state / "manifest.json", release.manifest.to_bytes())
        _write(self.root / "release.json", canonical_json(record) + b"\n")
        _write(self.state / "view", release.digest.encode())
        for folder in (stage, replaced):
            shutil.rmtree(folder, ignore_errors=True)

    def verify(self, progress: Callable[[Member], None] | None = None) -> Release:
        """Check every object, and every file people open, against its sha256; return the release.

        Raises:
            DigestMismatch, NotFound, InvalidDocument: naming the file at fault.
        """
        release = self.load()
        release.verify(progress)
        for path, digest, _ in self.files(release):
            file, kept = self.root / path, self.state / object_path(digest)
            try:
                # A hard link is the object itself, and that has just been checked.
                if not os.path.samefile(file, kept) and sha256_hex(file.read_bytes()) != digest:
                    raise DigestMismatch("the file does not match its sha256", where=str(file), remedy=REPAIR)
            except FileNotFoundError:
                raise NotFound("the file is missing", where=str(file), remedy=REPAIR) from None
        return release


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


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise CellCommonsError("an object went missing while the folder was laid out", where=source.name) from None
    except OSError:
        # A disk without hard links, or too many links to one object.
        shutil.copyfile(source, target)


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    with open(temporary, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)
