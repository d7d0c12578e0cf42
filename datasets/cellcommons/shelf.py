"""The versions that a folder keeps, and the one rename that makes another of them the one that people see.

``DIR/.cellcommons/versions/<name>`` is one version whole, its files links to objects; ``DIR/.cellcommons/current`` is a
symbolic link to one of them, and ``DIR/images``, ``DIR/release.json`` and the like are symbolic links through it. So a
swap is one rename of one link: at any instant all names lead into one version, whoever has a file open keeps it, and
a shell or a notebook that stands in ``DIR`` stays there, which exchanging whole folders would not grant.

Where a disk has no symbolic links the names are moved one after the other, ``release.json`` last, under a mark that
makes the next run lay the version out anew if this one dies half-way.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellcommons.canonical import sha256_hex
from cellcommons.errors import AlreadyThere

RECORD = "release.json"
#: Beside ``.cellcommons/objects``, so that the folder is a static mirror of its release.
MIRRORED = ("manifest.json", "signature.json")
_LAID = "laid.json"
_MOVING = "moving"
_OWN = frozenset((_LAID, f"{_LAID}.new", *MIRRORED))


@dataclass(frozen=True)
class Edit:
    """A file that is not as it was laid out: ``what`` is changed, removed, added or replaced."""

    path: str
    what: str


@dataclass(frozen=True)
class Laid:
    """A file as it was laid out: of which object, and its size, time of change and inode, to tell a change by."""

    sha256: str
    size: int
    mtime_ns: int
    inode: int


class Shelf:
    """Versions of one folder.

    Args:
        root: what the person named. state: ``.cellcommons`` in it. names: what a version may show at its top.
    """

    def __init__(self, root: Path, state: Path, names: tuple[str, ...]) -> None:
        self.root, self._state, self._names = root, state, (*names, RECORD)
        self._versions, self._current = state / "versions", state / "current"

    def current(self) -> Path | None:
        """The version that is shown, or None."""
        return Path(os.path.realpath(self._current)) if self._current.is_dir() else None

    def begin(self, name: str) -> Path:
        """A new version's folder, empty."""
        self._versions.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._versions))

    def laid(self) -> dict[str, Laid]:
        """The files of the version that is shown, by path; empty where that is not known."""
        return {path: Laid(*facts) for path, facts in _notes(self._current).get("files", {}).items()}

    def needed(self) -> set[str]:
        """sha256 of every object that a version kept here needs."""
        kept = [self._current, *(self._versions.iterdir() if self._versions.is_dir() else ())]
        return {digest for version in kept for digest in _notes(version).get("objects", ())}

    def objects(self) -> dict[str, int]:
        """sha256 -> size of every object that the version shown needs; empty where that is not known."""
        return dict(_notes(self._current).get("objects", {}))

    def add(self, name: str, data: bytes | None) -> None:
        """Give the version that is shown another document of ``MIRRORED``, or take it away."""
        linked = self._current.is_symlink()
        path = (self._current if linked else self._state) / name
        if data is None:
            path.unlink(missing_ok=True)
            if linked:
                self._unlink_mirrored()
        elif not path.is_file() or path.read_bytes() != data:
            path.with_suffix(".new").write_bytes(data)
            os.replace(path.with_suffix(".new"), path)
            if linked:
                _replace_link(self._state / name, f"current/{name}")

    def _unlink_mirrored(self) -> None:
        for name in MIRRORED:
            if not (self._current / name).exists():
                (self._state / name).unlink(missing_ok=True)

    def finish(
        self, version: Path, files: Mapping[str, str], documents: Mapping[str, bytes], objects: Mapping[str, int]
    ) -> None:
        """Write what says which version this is, and note its files.

        Nothing waits for the disk: files are noted with the start of the machine in which they were written, and after
        another start, which may have followed a power cut, ``started_since`` has them read again.

        Args:
            files: path below ``version`` -> sha256. documents: name -> bytes, of ``MIRRORED`` and the record.
            objects: sha256 -> size of all that the version needs, listings among them.
        """
        for name, data in documents.items():
            (version / name).write_bytes(data)
        digests = dict(files) | {RECORD: sha256_hex(documents[RECORD])}
        facts = {path: (digest, *_facts(version / path)) for path, digest in digests.items()}
        (version / _LAID).write_text(json.dumps({"files": facts, "objects": dict(objects), "start": _start()}))
        version.chmod(0o755)

    def started_since(self) -> bool:
        """Whether the machine was started anew since the version that is shown was written, or last read whole."""
        return str(_notes(self._current).get("start", "")) != _start()

    def note_start(self) -> None:
        """The version that is shown was read whole, and is sound."""
        notes = {**_notes(self._current), "start": _start()}
        (self._current / f"{_LAID}.new").write_text(json.dumps(notes))
        os.replace(self._current / f"{_LAID}.new", self._current / _LAID)

    def swap(self, version: Path) -> None:
        """Show ``version``. The one shown before stays readable where it lies until the swap after this."""
        before = self.current()
        try:
            self._link_names(version, before)
            _replace_link(self._current, f"versions/{version.name}")
        except _NoLinks:
            self._move_names(version)
            before = None
        else:
            for name in self._names:
                if _leads_to(self.root / name) == self._through(name) and not (version / name).exists():
                    (self.root / name).unlink()
            self._unlink_mirrored()
        kept = {version.name, before.name if before else ""}
        for path in self._versions.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def edits(self) -> Iterator[Edit]:
        """What somebody changed in the version that is shown.

        A file whose size, time of change and inode are as they were is taken for unchanged; others are hashed.
        """
        if self.current() is None or (self._state / _MOVING).exists():
            return
        linked = self._current.is_symlink()
        if linked:
            yield from self._replaced()
        laid = self.laid()
        top = self._current if linked else self.root
        for path, was in laid.items():
            try:
                facts = _facts(top / path)
            except (FileNotFoundError, NotADirectoryError):
                yield Edit(path, "removed")
                continue
            same = facts == (was.size, was.mtime_ns, was.inode)
            if not same and sha256_hex((top / path).read_bytes()) != was.sha256:
                yield Edit(path, "changed")
        names = self._names if not linked else tuple(sorted(path.name for path in top.iterdir()))
        for name in names:
            if name not in _OWN:
                yield from (Edit(path, "added") for path in _files(top, name) if path not in laid)

    def unchanged(self) -> bool:
        """Whether the version that is shown is there, whole, by names, sizes and times."""
        if self.current() is None or (self._state / _MOVING).exists():
            return False
        linked = self._current.is_symlink()
        if linked and any(_leads_to(self.root / name) != self._through(name) for name in self._shown()):
            return False
        top, laid = (self._current if linked else self.root), self.laid()
        try:
            return bool(laid) and all(
                _facts(top / path) == (was.size, was.mtime_ns, was.inode) for path, was in laid.items()
            )
        except OSError:
            return False

    def foreign(self) -> list[str]:
        """Names that a version would show and that are something else already."""
        return [
            name
            for name in self._names
            if os.path.lexists(self.root / name) and _leads_to(self.root / name) != self._through(name)
        ]

    def _through(self, name: str) -> str:
        return f"{self._state.name}/current/{name}"

    def _shown(self) -> list[str]:
        return [name for name in self._names if (self._current / name).exists()]

    def _replaced(self) -> Iterator[Edit]:
        for name in self._shown():
            path = self.root / name
            if _leads_to(path) != self._through(name):
                yield Edit(name, "replaced" if os.path.lexists(path) else "removed")

    def _link_names(self, version: Path, before: Path | None) -> None:
        """See to it that every name leads through ``current``; what stands in its place is put beside ``before``."""
        if before is not None and not self._current.is_symlink():
            raise _NoLinks  # as it was laid out before
        for name in self._names:
            path, wanted = self.root / name, self._through(name)
            if not (version / name).exists() or _leads_to(path) == wanted:
                continue
            if os.path.lexists(path):
                os.replace(path, (before or version) / f"{name}.replaced-{os.getpid()}")
            _replace_link(path, wanted)
        for name in MIRRORED:
            if (version / name).exists():
                _replace_link(self._state / name, f"current/{name}")

    def _move_names(self, version: Path) -> None:
        (self._state / _MOVING).touch()
        aside = self.begin("replaced")
        for name in self._names[:-1]:
            for source, target in ((self.root / name, aside / name), (version / name, self.root / name)):
                if os.path.lexists(source):
                    os.replace(source, target)
        if self._current.exists():
            os.replace(self._current, aside / "current")
        record = version / RECORD
        for name in MIRRORED:
            if (version / name).exists():
                shutil.copyfile(version / name, self._state / name)
            else:
                (self._state / name).unlink(missing_ok=True)
        os.replace(record, self.root / RECORD)
        os.replace(version, self._current)
        (self._state / _MOVING).unlink()


class _NoLinks(Exception):
    """The disk has no symbolic links."""


def _replace_link(path: Path, target: str) -> None:
    """Make ``path`` a symbolic link to ``target`` by one rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        os.symlink(target, temporary)
    except (NotImplementedError, PermissionError) as error:
        raise _NoLinks from error
    try:
        os.replace(temporary, path)
    except (IsADirectoryError, PermissionError) as error:
        temporary.unlink(missing_ok=True)
        raise AlreadyThere("something else stands there", where=str(path), remedy="Move it away.") from error


def _leads_to(path: Path) -> str | None:
    """What a symbolic link says; None where there is none."""
    try:
        return os.readlink(path).replace(os.sep, "/")
    except OSError:
        return None


def _start() -> str:
    """What Linux calls this start of the machine; empty where it is not told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _notes(version: Path) -> dict[str, Any]:
    try:
        document = json.loads((version / _LAID).read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _facts(path: Path) -> tuple[int, int, int]:
    seen = os.stat(path)
    return seen.st_size, seen.st_mtime_ns, seen.st_ino


def _files(top: Path, name: str) -> Iterator[str]:
    """Paths below ``top`` of ``name`` itself or of every file in it."""
    path = top / name
    if not path.is_dir():
        if os.path.lexists(path):
            yield name
        return
    for folder, _, files in os.walk(path):
        below = Path(folder).relative_to(top).as_posix()
        yield from (f"{below}/{file}" for file in files)
