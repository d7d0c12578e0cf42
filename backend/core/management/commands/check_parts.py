"""``./hub check_parts``: do the database, the object store and the broker of these settings answer?"""

from __future__ import annotations

import secrets
from typing import Any

import psycopg
from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from backend.core.bucket_rules import refusal
from backend.core.storage import object_store
from cellcommons.errors import CellCommonsError, Unreachable


class Command(BaseCommand):
    help = (
        "Ask the database, the object store and the broker; the first that does not answer is named, with status 2. "
        "Where parts of uploads go straight to the bucket, say whether it takes them from the hub's pages."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--origin", action="append", default=[], help="where browsers see the hub, beside HUB_ORIGINS"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name, check in (("database", _database), ("objects", _objects), ("broker", _broker)):
            check()
            self.stdout.write(f"{name} ok")
        # No fault: what cannot go to the bucket goes by way of the hub.
        endpoint = settings.OBJECTS_PUBLIC_ENDPOINT
        for origin in [*settings.CSRF_TRUSTED_ORIGINS, *options["origin"]] if endpoint else []:
            why = refusal(endpoint=endpoint, origin=origin)
            way = f"by way of the hub: {why}; see docs/operating.md" if why else f"straight to {endpoint}"
            self.stdout.write(f"uploads from pages of {origin} go {way}")


def _database() -> None:
    # Not through the pool, which would go on trying for twenty seconds.
    params = connection.get_connection_params() | {"connect_timeout": 3}
    params.pop("pool", None)
    try:
        psycopg.connect(**params).close()
    except psycopg.OperationalError as error:
        lines = str(error).strip().splitlines() or ["it does not answer"]
        raise Unreachable(lines[0], where="DATABASE_URL", remedy="Check that it runs, and the address.") from error


def _objects() -> None:
    store = object_store()
    try:
        store.check()
        # Who may only read would be found out in the middle of the first import.
        name = f"checks/{secrets.token_hex(8)}"
        store.put_ref(name, b"may write")
        store.delete_ref(name)
    except CellCommonsError as error:
        raise type(error)(error.what, where=f"OBJECTS_URL {error.where}", remedy=error.remedy) from error


def _broker() -> None:
    try:
        with current_app.connection_for_write(connect_timeout=3) as link:
            link.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    except Exception as error:  # each transport has errors of its own
        place = str(current_app.connection_for_write().as_uri())  # without its password
        raise Unreachable(
            f"the broker at {place} does not answer ({type(error).__name__})",
            where="BROKER_URL",
            remedy="Check that it runs, and the address.",
        ) from error
