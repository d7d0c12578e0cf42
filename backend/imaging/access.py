"""Who sees and who changes what hangs on a dataset: every view asks here, and nowhere else is it decided."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from backend.imaging.models import Dataset, Visibility
from backend.people.labs import require_member
from backend.people.models import Membership


def seen_by(person: Any, through: str = "") -> Q:
    """Rows that ``person`` may see: of datasets that the whole hub sees, or of a lab of theirs. A stranger sees none.

    Args:
        through: the way from the rows that are asked to their dataset, e.g. ``item__campaign__dataset__``.
    """
    if not person.is_authenticated:
        return Q(pk__in=[])
    mine = Membership.objects.filter(person=person).values("lab")
    return Q(**{f"{through}visibility": Visibility.HUB}) | Q(**{f"{through}lab__in": mine})


def datasets_seen_by(person: Any) -> QuerySet[Dataset]:
    """The datasets that ``person`` may see."""
    return Dataset.objects.filter(seen_by(person))


def require_own(person: Any, dataset: Dataset) -> None:
    """Raises NotAllowed where the dataset, seen by ``person``, is of another lab: its own people change it."""
    require_member(person, dataset.lab_id)


def hold_visibility(dataset: Dataset) -> Dataset:
    """The dataset as it is now; who sees it stays so until the end of the transaction that one must be in."""
    return Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)


def seen_as_widely(shown: Dataset, made_from: Dataset) -> bool:
    """Whether all who see ``shown`` see ``made_from`` too: else what is made from one would tell of it in the other."""
    if made_from.visibility == Visibility.HUB:
        return True
    return shown.visibility == Visibility.LAB and shown.lab_id == made_from.lab_id
