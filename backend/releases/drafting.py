"""What a draft changes since its parent: found by one statement in Postgres, which reads no object and no index."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from backend.consensus.models import Consensus
from backend.releases.models import Release
from cellcommons.kinds.registry import kind_of

# What an image's rows say of it beside its consensus, hashed. What was held is compared with what is settled now.
_CHANGES = """
WITH latest AS (
    SELECT DISTINCT ON (c.item_id) c.id, c.state, i.image_id
    FROM annotation_item i JOIN consensus_consensus c ON c.item_id = i.id
    WHERE i.campaign_id = %(campaign)s ORDER BY c.item_id, c.revision DESC
), beside AS (
    SELECT image_id, string_agg(kind || ' ' || tree_sha256, ',' ORDER BY kind) AS trees
    FROM imaging_companion WHERE kind = ANY(%(kinds)s) GROUP BY image_id
), settled AS (
    SELECT latest.image_id, latest.id AS consensus_id, md5(jsonb_build_array(
        image.name, image.tree_sha256, image.stratum, image.channels, source.name, beside.trees)::text)::uuid AS facts
    FROM latest JOIN imaging_image image ON image.id = latest.image_id
    JOIN imaging_source source ON source.id = image.source_id LEFT JOIN beside ON beside.image_id = image.id
    WHERE latest.state = 'settled'
), held AS (
    SELECT image_id, consensus_id, facts FROM releases_heldimage WHERE dataset_id = %(dataset)s AND until IS NULL
)
INSERT INTO releases_draftchange (release_id, image_id, consensus_id, facts)
SELECT %(release)s, coalesce(settled.image_id, held.image_id), settled.consensus_id, settled.facts
FROM settled FULL JOIN held ON held.image_id = settled.image_id
WHERE settled.consensus_id IS DISTINCT FROM held.consensus_id OR settled.facts IS DISTINCT FROM held.facts
"""


@dataclass(frozen=True)
class Changes:
    """By what a draft differs from its parent.

    Attributes:
        settled: consensuses of the images that are new or other than there, with what sealing needs at hand, in order
            of image. left_out: ids of images that it no longer has.
    """

    settled: list[Consensus]
    left_out: list[str]


def freeze_changes(release: Release) -> None:
    """Write down by what is settled now how a draft differs from the last release, in place of what it said before."""
    release.changes.all().delete()
    campaign = release.campaign
    asked = {
        "campaign": campaign.pk,
        "kinds": list(kind_of(campaign.task).companions),
        "dataset": release.dataset_id,
        "release": release.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, asked)


def frozen_changes(release: Release) -> Changes:
    """What ``freeze_changes`` wrote."""
    settled = (
        Consensus.objects.filter(pk__in=release.changes.values("consensus"))
        .select_related("item__image__source", "item__campaign")
        .prefetch_related("readings__started_from", "readings__assignment", "item__image__companions")
        .order_by("item__image_id")
    )
    gone = release.changes.filter(consensus=None).order_by("image_id").values_list("image_id", flat=True)
    return Changes(list(settled), [str(image) for image in gone])
