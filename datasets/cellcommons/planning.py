"""What bringing a folder to another release would move and change, found out without writing to it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from cellcommons.canonical import sha256_hex
from cellcommons.cutting import known_piece
from cellcommons.errors import DigestMismatch, NotFound
from cellcommons.folder import ReleaseFolder
from cellcommons.manifest import Manifest
from cellcommons.partial import PartialRelease
from cellcommons.release import Release
from cellcommons.release_changes import told_changes
from cellcommons.selection import Selection
from cellcommons.store import FolderStore
from cellcommons.streamed import StreamedStore
from cellcommons.transport import Source


@dataclass(frozen=True)
class Plan:
    """What a sync would do.

    Attributes:
        objects_to_move, bytes_to_move: objects that neither the folder nor the cache has. bytes: of the whole release.
        previous, changes: as of ``Download``. edited: paths that were changed by hand, which it would refuse over.
    """

    reference: str
    manifest_sha256: str
    previous: str | None
    objects_to_move: int
    bytes_to_move: int
    bytes: int
    changes: str
    edited: tuple[str, ...]


def plan_sync(
    place: ReleaseFolder,
    manifest: bytes,
    source: Source,
    cache: FolderStore | None,
    selection: Selection | None = None,
) -> Plan:
    """Read what is new among indexes and listings from ``source``, and add up what else is new.

    Of shards of which some chunks are wanted it is about that; only their indexes would tell exactly.

    Args:
        selection: None: what the folder has selected.
    """
    before = place.shown()
    here = ([place.store] if before else []) + ([cache] if cache else [])
    with tempfile.TemporaryDirectory() as aside:
        store = _Beside(aside, source, here)
        named = (store, Manifest.parse(manifest, where=str(place.root)), sha256_hex(manifest))
        selection = place.selection() if selection is None else selection
        release = PartialRelease(*named, selection) if selection else Release(*named)
        changes = told_changes(before, release)
        members, shards = [member for member in release.members() if member.sha256 != release.digest], []
        if isinstance(release, PartialRelease) and selection.cuts:
            cuts = list(release.planned_cuts(lambda entry: store.is_here(entry.sha256)).values())
            kept = {entry.sha256 for cut in cuts for entry in cut.kept}
            left = {entry.sha256 for cut in cuts for entry in cut.tree.entries} - kept
            members = [member for member in members if member.sha256 not in left]
            shards = list({shard.name: shard for cut in cuts for shard in cut.shards}.values())
        lacking = [member.size for member in members if not store.is_here(member.sha256)]
        lacking += [shard.share for shard in shards if before is None or known_piece(place.store, shard) is None]
    return Plan(
        reference=release.manifest.reference,
        manifest_sha256=release.digest,
        previous=before.manifest.reference if before else None,
        objects_to_move=len(lacking),
        bytes_to_move=sum(lacking),
        bytes=sum(member.size for member in members) + sum(shard.share for shard in shards),
        changes=changes,
        edited=tuple(edit.path for edit in place.edits()) if before else (),
    )


class _Beside(StreamedStore):
    """Objects that are here, or else fetched into a folder aside."""

    def __init__(self, aside: str, source: Source, here: Sequence[FolderStore]) -> None:
        super().__init__(aside, source)
        self._here = here

    def is_here(self, digest: str) -> bool:
        """Whether the object is on this machine already."""
        return any(store.exists(digest) for store in self._here)

    def get(self, digest: str) -> bytes:
        for store in self._here:
            with contextlib.suppress(NotFound, DigestMismatch):
                return store.get(digest)
        return super().get(digest)

    def exists(self, digest: str) -> bool:
        return self.is_here(digest) or super().exists(digest)

    def size(self, digest: str) -> int:
        for store in self._here:
            with contextlib.suppress(NotFound):
                return store.size(digest)
        return super().size(digest)
