"""The rows of a release that is being published: what changed is written, the rest goes on as its parent has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection

from backend.releases.models import Release

_IMAGES_END = """
UPDATE releases_heldimage SET until = %(ordinal)s WHERE dataset_id = %(dataset)s AND until IS NULL
AND image_id = ANY(%(ended)s::uuid[])
"""
# Of an image that only moved to another split, all else is as it was.
_IMAGES_BEGIN = """
INSERT INTO releases_heldimage (dataset_id, image_id, consensus_id, split, cells, facts, since)
SELECT %(dataset)s, new.image_id, coalesce(c.id, was.consensus_id), new.split, coalesce(c.cells, was.cells),
       coalesce(draft.facts, was.facts), %(ordinal)s
FROM unnest(%(images)s::uuid[], %(splits)s::text[]) AS new (image_id, split)
LEFT JOIN releases_draftchange draft ON draft.release_id = %(release)s AND draft.image_id = new.image_id
LEFT JOIN consensus_consensus c ON c.id = draft.consensus_id
LEFT JOIN releases_heldimage was ON was.dataset_id = %(dataset)s AND was.image_id = new.image_id
    AND was.until = %(ordinal)s
"""
_OBJECTS_END = """
UPDATE releases_heldobject SET until = %(ordinal)s WHERE dataset_id = %(dataset)s AND until IS NULL
AND sha256 = ANY(%(names)s)
"""
_OBJECTS_BEGIN = """
WITH told AS (
    SELECT new.sha256, new.size, new.more + coalesce(was.uses, 0) AS uses, was.id IS NULL AS arrives
    FROM unnest(%(names)s::text[], %(more)s::int[], %(sizes)s::bigint[]) AS new (sha256, more, size)
    LEFT JOIN releases_heldobject was ON was.dataset_id = %(dataset)s AND was.sha256 = new.sha256
        AND was.until = %(ordinal)s
), written AS (
    INSERT INTO releases_heldobject (dataset_id, sha256, size, uses, since)
    SELECT %(dataset)s, sha256, size, uses, %(ordinal)s FROM told WHERE uses <> 0
)
SELECT coalesce(sum(size) FILTER (WHERE arrives), 0)::bigint, coalesce(sum(size) FILTER (WHERE uses = 0), 0)::bigint
FROM told
"""


@dataclass(frozen=True)
class Moved:
    """Bytes of objects that a release has and its parent lacks, and the other way round."""

    new: int
    gone: int


def record_images(release: Release, *, assignment: Mapping[str, str], left_out: list[str]) -> None:
    """Write which images it holds otherwise than its parent.

    Args:
        assignment: image id -> split, of those that are new, changed or moved. left_out: ids of those that are gone.
    """
    asked = {
        "dataset": release.dataset_id,
        "release": release.pk,
        "ordinal": release.ordinal,
        "ended": [*assignment, *left_out],
        "images": list(assignment),
        "splits": list(assignment.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(_IMAGES_END, asked)
        cursor.execute(_IMAGES_BEGIN, asked)


def record_objects(release: Release, uses: Mapping[str, tuple[int, int]]) -> Moved:
    """Write which objects it needs otherwise than its parent. Postgres refuses fewer uses than none.

    Args:
        uses: sha256 -> (how many more uses than the parent makes, size), ``cellcommons.uses.use_changes``.
    """
    asked = {
        "dataset": release.dataset_id,
        "ordinal": release.ordinal,
        "names": list(uses),
        "more": [more for more, _ in uses.values()],
        "sizes": [size for _, size in uses.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(_OBJECTS_END, asked)
        cursor.execute(_OBJECTS_BEGIN, asked)
        new, gone = cursor.fetchone()
    return Moved(new, gone)
