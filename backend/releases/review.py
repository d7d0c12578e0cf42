"""A held draft: a curator has looked at what it changes, and publishes it or lets it go."""

from __future__ import annotations

import uuid

from django.db import transaction

from backend.core.dispatch import dispatch
from backend.core.errors import WrongState
from backend.releases.models import Release, ReleaseState
from backend.releases.services import lock_release


@transaction.atomic
def publish_draft(*, release_id: uuid.UUID | str) -> Release:
    """Publish a held draft as it was looked at: its frozen contents, and so its manifest, are the same.

    Raises:
        WrongState: it is no draft that is held.
    """
    release = _held(release_id)
    release.held = False
    release.save(update_fields=["held"])
    dispatch("releases.publish", release.pk)
    return release


@transaction.atomic
def discard_draft(*, release_id: uuid.UUID | str) -> None:
    """Forget a held draft; its number is free again.

    Raises:
        WrongState: it is no draft that is held.
    """
    _held(release_id).delete()


def _held(release_id: uuid.UUID | str) -> Release:
    release = lock_release(release_id)
    if release.state != ReleaseState.DRAFT or not release.held:
        raise WrongState(
            f"{release.reference} is {release.state}, not a draft that waits to be looked at", where=release.reference
        )
    return release
