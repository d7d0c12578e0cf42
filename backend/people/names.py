"""What labs own is called ``lab/slug``: everywhere outside the database."""

from __future__ import annotations

from django.db.models import Q


def by_name(name: str, through: str = "") -> Q:
    """Rows of this name, which have a ``lab`` and a ``slug``; nothing where it is no name.

    Args:
        through: the way there from the rows that are asked, e.g. ``item__campaign__``.
    """
    lab, _, slug = name.partition("/")
    return Q(**{f"{through}lab_id": lab, f"{through}slug": slug})
