"""Compare two releases: asked for by anyone who may see both, computed once by a worker, kept as objects."""

from __future__ import annotations

import logging
import uuid

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from backend.core.dispatch import dispatch
from backend.core.errors import PART_AWAY
from backend.core.storage import object_store
from backend.releases.models import Comparison, ComparisonState, Release
from backend.releases.selectors import find_comparison, same_comparison, stalled_comparisons
from backend.releases.services import seal_draft
from cellcommons.diff.compare import diff_releases
from cellcommons.diff.pictures import change_pictures
from cellcommons.diff.report import report_files
from cellcommons.errors import CellCommonsError, InvalidDocument
from cellcommons.release import open_release
from cellcommons.store import ObjectStore
from cellcommons.tree import seal_files

log = logging.getLogger(__name__)

PICTURES = 24


def compare_releases(*, before: Release, after: Release) -> Comparison:
    """What changed from a published release to another, or to a draft: as it is known, or asked of a worker.

    Raises:
        InvalidDocument: the releases are of different datasets or tasks, or one and the same.
    """
    if before.dataset_id != after.dataset_id or before.campaign.task != after.campaign.task or before.pk == after.pk:
        raise InvalidDocument(
            "only two releases of one dataset and one task can be compared",
            where=f"{before.reference}, {after.reference}",
            remedy="Name another release as against.",
        )
    found = find_comparison(before, after)
    # The store is asked before any row is locked: it may be far away.
    lost = found is not None and found.state == ComparisonState.DONE and not object_store().exists(found.tree_sha256)
    stale = (
        found is not None
        and found.state == ComparisonState.FAILED
        and timezone.now() - found.asked_at > settings.LOST_AFTER
    )
    return _ask(before=before, after=after) if found is None or lost or stale else found


@transaction.atomic
def _ask(*, before: Release, after: Release) -> Comparison:
    """Have a worker compare them, again where that was done before; once where several ask at the same time."""
    made, fresh = Comparison.objects.select_for_update(no_key=True).get_or_create(
        before=before, after=after, drafted_at=after.drafted_at
    )
    if fresh or made.state != ComparisonState.WAITING:
        made.state, made.error, made.asked_at = ComparisonState.WAITING, "", timezone.now()
        made.save(update_fields=["state", "error", "asked_at"])
        dispatch("releases.compare", made.pk)
    return made


def run_comparison(*, comparison_id: uuid.UUID | str) -> Comparison | None:
    """Compute what was asked for; a failure is kept with it. One that is finished, or whose draft is gone, is left.

    A draft is sealed for it as it would be published, which writes objects and changes no row.
    """
    rows = Comparison.objects.select_related("before__dataset", "after__dataset", "after__campaign", "after__parent")
    comparison = rows.filter(pk=comparison_id).first()
    if comparison is None or comparison.state != ComparisonState.WAITING:
        return comparison
    shas: dict[str, str] = {}
    try:
        if comparison.after.drafted_at != comparison.drafted_at:
            raise InvalidDocument("the draft was made anew", where=comparison.after.reference)
        after_sha256 = comparison.after.manifest_sha256 or seal_draft(comparison.after).digest
        before_sha256 = comparison.before.manifest_sha256
        # Kept with a failure too: what has it can be sealed, and only comparing failed.
        shas = {"before_sha256": before_sha256, "after_sha256": after_sha256}
        known = same_comparison(comparison, before_sha256, after_sha256)
        kept = known is not None and object_store().exists(known.tree_sha256)
        tree = known.tree_sha256 if known and kept else _computed(before_sha256, after_sha256)
    except PART_AWAY:
        raise  # nothing is wrong with the releases: the sweep takes it up again
    except CellCommonsError as error:
        return _finish(comparison.pk, ComparisonState.FAILED, error=error.line(), **shas)
    except Exception as error:  # whatever broke, people see that it did; the trace is in the log
        log.exception("comparing %s with %s failed", comparison.after.reference, comparison.before.reference)
        return _finish(
            comparison.pk, ComparisonState.FAILED, error=f"an unexpected fault: {type(error).__name__}", **shas
        )
    return _finish(comparison.pk, ComparisonState.DONE, tree_sha256=tree, **shas)


def sweep_comparisons() -> int:
    """Ask again for comparisons that a dead process lost; returns how many."""
    stalled = stalled_comparisons(silent_since=timezone.now() - settings.LOST_AFTER)
    for comparison_id in stalled:
        dispatch("releases.compare", comparison_id)
    return len(stalled)


def _computed(before_sha256: str, after_sha256: str) -> str:
    """The tree of a comparison: ``diff.json``, parquet tables, pictures by rank."""
    store: ObjectStore = object_store()
    before, after = open_release(store, before_sha256), open_release(store, after_sha256)
    diff = diff_releases(before, after)
    pictures = change_pictures(before, after, diff.most_changed(PICTURES))
    with store.batch() as batch:
        return seal_files(batch, report_files(diff, pictures)).digest


@transaction.atomic
def _finish(comparison_id: uuid.UUID, state: str, **facts: str) -> Comparison | None:
    comparison = Comparison.objects.select_for_update(no_key=True).filter(pk=comparison_id).first()
    if comparison is not None and comparison.state == ComparisonState.WAITING:
        for name, value in facts.items():
            setattr(comparison, name, value)
        comparison.state = state
        comparison.save()
    return comparison
