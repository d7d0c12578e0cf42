"""Objects from a source into a folder: many small ones in a pack, large ones by range, each verified by its sha256."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from cellcommons.cache import ObjectCache
from cellcommons.errors import DigestMismatch, NotFound, Unreachable
from cellcommons.object_packs import Unpacked
from cellcommons.patience import Patience
from cellcommons.release import Member, hash_object
from cellcommons.store import CHUNK, FolderStore, object_path
from cellcommons.transport import BrokenOff, RangeRefused, Source

#: Objects of at most so many bytes, and listings, come in packs of at most so many objects and bytes.
SMALL, PACK_OBJECTS, PACK_BYTES = 256 << 10, 512, 4 << 20
LISTING_LIMIT = 1 << 28


class Receiver:
    """Sees to it that objects are in ``store``. For several threads at once.

    Args:
        repair: hash what is there already. packs: whether to ask for packs, where ``source`` has them.
        tell: called with the size of each object that is in place.

    Attributes:
        fetched: bytes that came over the wire. resumed: bytes kept of what an earlier run left half done.
    """

    def __init__(
        self,
        source: Source,
        store: FolderStore,
        patience: Patience,
        *,
        repair: bool,
        packs: bool,
        cache: ObjectCache | None,
        tell: Callable[[int], None],
    ) -> None:
        self._source, self._store, self._patience = source, store, patience
        self._repair, self._cache, self._tell = repair, cache, tell
        self.packs = packs and source.packs
        self._partial = store.root / "partial"
        self._objects = str(store.root)
        self._lock = threading.Lock()
        self._folders: set[str] = set()
        self.fetched = self.resumed = 0

    def bring(self, members: Sequence[Member]) -> None:
        """Fetch those that are neither there nor in the cache.

        Raises:
            Unreachable, NotFound, Withdrawn, DigestMismatch: an object cannot be had.
        """
        lacking = [member for member in members if not self._is_held(member)]
        if self.packs and len(lacking) > 1:
            self._patience.retry(lambda: self._attempt_pack(lacking), lacking[0].role)
        for member in lacking:
            self._check_ended(member)
            target = self._target(member)
            self._patience.retry(lambda m=member, t=target: self._attempt(m, t), member.role)  # type: ignore[misc]
            self._kept(member, target)

    def _is_held(self, member: Member) -> bool:
        self._check_ended(member)
        target = self._target(member)
        if self._is_there(member, target) or self._is_lent(member, target):
            self._tell(os.stat(target).st_size)
            return True
        return False

    def _check_ended(self, member: Member) -> None:
        if self._patience.ended.is_set():
            raise Unreachable("the download was stopped", where=member.role)

    def _is_lent(self, member: Member, target: str) -> bool:
        return self._cache is not None and self._cache.lend(member.sha256, Path(target), aside=self._partial)

    def _is_there(self, member: Member, target: str) -> bool:
        """Trust names and sizes, unless asked to repair."""
        try:
            size = os.stat(target).st_size
        except FileNotFoundError:
            return False
        if member.size in (-1, size):
            # Listings are small, and what they name is trusted, so they are always read.
            if member.size >= 0 and not self._repair:
                return True
            with contextlib.suppress(DigestMismatch):
                hash_object(self._store, Member(member.sha256, size, member.role))
                return True
        os.unlink(target)
        return False

    def _attempt_pack(self, lacking: list[Member]) -> None:
        """Fetch those that nothing is kept of, and take them off the list. Raises BrokenOff, DigestMismatch."""
        wanted = [member for member in lacking if not self._part(member).exists()]
        came, gained, done = 0, 0, set()
        if not wanted:
            return
        try:
            with self._source.open_pack([member.sha256 for member in wanted]) as body:
                objects = Unpacked(body.blocks)
                try:
                    for data, member in zip(objects, wanted, strict=False):  # to the end of the answer
                        self._keep_whole(member, data)
                        done.add(member.sha256)
                        came, gained = came + 1, gained + len(data)
                        if self._patience.ended.is_set():
                            raise BrokenOff("the download was stopped")
                except BrokenOff as error:
                    if objects.rest and came < len(wanted):
                        self._part(wanted[came]).write_bytes(objects.rest)
                        self.count(len(objects.rest))
                    error.gained = gained + len(objects.rest)
                    raise
                except ValueError as error:
                    raise BrokenOff(f"this is no pack ({error})") from error
            if came < len(wanted):
                raise BrokenOff(f"a pack lacks {len(wanted) - came} objects")
        except (NotFound, Unreachable):
            # One of them is gone, or too large, or there are no packs: asked for alone, each says so by its name.
            self.packs = False
        finally:
            self.count(gained)
            lacking[:] = [member for member in lacking if member.sha256 not in done]

    def _keep_whole(self, member: Member, data: memoryview) -> None:
        if hashlib.sha256(data).hexdigest() != member.sha256:
            raise _mismatch(member)
        target = self._target(member)
        # Under its own name at once: what a crash leaves of it has another size, by which it is known.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(target, flags, 0o444)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            descriptor = os.open(target, flags, 0o444)
        except FileExistsError:
            os.unlink(target)
            descriptor = os.open(target, flags, 0o444)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        finally:
            os.close(descriptor)
        self._kept(member, target)

    def _kept(self, member: Member, target: str) -> None:
        if self._cache:
            self._cache.adopt(Path(target), member.sha256)
        self._tell(member.size if member.size >= 0 else os.stat(target).st_size)

    def _attempt(self, member: Member, target: str) -> None:
        """Fetch the rest of one object. Raises BrokenOff with the bytes it gained, DigestMismatch."""
        part = self._part(member)
        gained, limit = 0, member.size if member.size >= 0 else LISTING_LIMIT
        hasher, have = hashlib.sha256(), 0
        if part.exists() and 0 < part.stat().st_size <= limit:
            with open(part, "rb") as handle:
                while block := handle.read(CHUNK):
                    hasher.update(block)
                    have += len(block)
        if have != member.size:
            try:
                with self._source.open(object_path(member.sha256), have) as body:
                    if body.start not in (0, have):
                        raise BrokenOff("the server sent another range than was asked for")
                    if body.start != have:
                        hasher, have = hashlib.sha256(), 0
                    with self._lock:
                        self.resumed += have
                    with open(part, "ab" if have else "wb", buffering=0) as file:
                        for received in body.blocks:
                            _write_all(file.fileno(), received)
                            hasher.update(received)
                            gained += len(received)
                            self.count(len(received))
                            if have + gained > limit:
                                break
                            if self._patience.ended.is_set():
                                raise BrokenOff("the download was stopped")
            except RangeRefused:
                part.unlink(missing_ok=True)
                raise
            except BrokenOff as error:
                error.gained = gained
                raise
        if hasher.hexdigest() != member.sha256:
            part.unlink(missing_ok=True)
            if have:
                # The kept beginning may be what was wrong: once more from the start.
                raise BrokenOff("a resumed object did not match its sha256")
            raise _mismatch(member)
        if (folder := os.path.dirname(target)) not in self._folders:
            os.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
        os.chmod(part, 0o444)
        # Not synced to disk one by one: after a power cut, sizes tell an object that did not get there.
        os.replace(part, target)

    def _target(self, member: Member) -> str:
        return f"{self._objects}/{object_path(member.sha256)}"

    def _part(self, member: Member) -> Path:
        return self._partial / f"{member.sha256}.part"

    def count(self, received: int) -> None:
        """Add bytes that came over the wire."""
        with self._lock:
            self.fetched += received


def _write_all(descriptor: int, block: bytes | memoryview) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]


def _mismatch(member: Member) -> DigestMismatch:
    return DigestMismatch(
        f"the bytes received for {member.role} do not match their sha256",
        where=member.sha256,
        remedy="Run the same command again; if it stays so, the hub's copy is damaged.",
    )
