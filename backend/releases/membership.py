"""The rows of a release that is being published: those of its parent, taken over in Postgres, but for what changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.db import connection

from backend.consensus.models import Consensus
from backend.releases.models import Release, ReleaseImage, ReleaseObject
from cellcommons.errors import InvalidDocument

_IMAGES = """
INSERT INTO releases_releaseimage (id, created, release_id, image_id, consensus_id, split, cells)
SELECT gen_random_uuid(), now(), %s, image_id, consensus_id, split, cells
FROM releases_releaseimage WHERE release_id = %s AND NOT image_id = ANY(%s::uuid[])
"""
_OBJECTS = """
WITH changed AS (SELECT * FROM unnest(%s::text[], %s::int[]) AS c(sha256, more))
INSERT INTO releases_releaseobject (release_id, sha256, size, uses)
SELECT %s, held.sha256, held.size, held.uses + coalesce(changed.more, 0)
FROM releases_releaseobject held LEFT JOIN changed USING (sha256)
WHERE held.release_id = %s AND held.uses + coalesce(changed.more, 0) <> 0
"""


def record_images(
    release: Release, *, changed: Sequence[Consensus], removed: Collection[str], assignment: Mapping[str, str]
) -> None:
    """Write which images it holds: ``changed`` anew, those of its parent that are neither changed nor removed as there.

    Args:
        assignment: image id -> split, of the changed ones at least.
    """
    if release.parent_id:
        gone = [*removed, *(str(consensus.item.image_id) for consensus in changed)]
        with connection.cursor() as cursor:
            cursor.execute(_IMAGES, [release.pk, release.parent_id, gone])
    ReleaseImage.objects.bulk_create(
        (
            ReleaseImage(
                release=release,
                image_id=consensus.item.image_id,
                consensus=consensus,
                split=assignment[str(consensus.item.image_id)],
                cells=consensus.cells,
            )
            for consensus in changed
        ),
        batch_size=2000,
    )


def record_objects(release: Release, uses: Mapping[str, tuple[int, int]]) -> int:
    """Write which objects it needs; return the bytes of those that its parent has not.

    Args:
        uses: sha256 -> (how many more uses than the parent makes, size), ``cellcommons.uses.use_changes``.

    Raises:
        InvalidDocument: fewer uses than none.
    """
    held: set[str] = set()
    if release.parent_id:
        names = list(uses)
        known = ReleaseObject.objects.filter(release=release.parent_id, sha256__in=names)
        held = set(known.values_list("sha256", flat=True))
        with connection.cursor() as cursor:
            cursor.execute(_OBJECTS, [names, [uses[name][0] for name in names], release.pk, release.parent_id])
    new = {name: said for name, said in uses.items() if name not in held}
    if lost := next((name for name, (more, _) in new.items() if more < 0), None):
        raise InvalidDocument("the parent does not use an object that is no longer used", where=lost)
    ReleaseObject.objects.bulk_create(
        (ReleaseObject(release=release, sha256=name, size=size, uses=more) for name, (more, size) in new.items()),
        batch_size=2000,
    )
    return sum(size for _, size in new.values())
