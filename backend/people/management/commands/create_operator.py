"""The first person of a hub."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from backend.people.accounts import write_accounts
from backend.people.models import Person, Role
from backend.people.services import create_person


class Command(BaseCommand):
    help = "Create the operator (a curator who may also use /admin/), once; print one line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="curator")
        parser.add_argument("--password", default="", help="made up where absent")

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"]
        if Person.objects.filter(username__iexact=username).exists():
            self.stdout.write(f"{username} is there already")
            return
        password = options["password"] or secrets.token_urlsafe(12)
        if settings.HUB_HOME:
            # Before the person: a password nobody can read again would be worse than one too many in the file.
            write_accounts(settings.HUB_HOME, {Role.CURATOR.value: {"username": username, "password": password}})
        create_person(username=username, password=password, role=Role.CURATOR, display_name="Curator", operator=True)
        self.stdout.write(f"sign in as {username} with password {password}")
