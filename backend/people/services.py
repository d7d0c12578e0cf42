"""Who comes and goes."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from rest_framework.authtoken.models import Token

from backend.core.errors import NotValid
from backend.people.labs import first_lab
from backend.people.models import Lab, Membership, Person, Role
from cellcommons.errors import AlreadyThere


def create_person(
    *,
    username: str,
    password: str,
    role: Role | str = Role.ANNOTATOR,
    display_name: str = "",
    operator: bool = False,
    lab: Lab | None = None,
) -> Person:
    """A new person of ``lab``, or of the hub's first one; ``operator`` may also use the admin pages.

    Raises:
        AlreadyThere: the name is taken.
        NotValid: the password is too short, too common or too like the name.
    """
    person = Person(
        username=Person.normalize_username(username),
        role=Role(role),
        display_name=display_name,
        is_staff=operator,
        is_superuser=operator,
    )
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise NotValid(" ".join(error.messages), where="password", remedy="Choose a longer, rarer password.") from error
    person.set_password(password)
    try:
        with transaction.atomic():
            person.save(force_insert=True)
            Membership.objects.create(person=person, lab=lab or first_lab())
    except IntegrityError as error:
        raise AlreadyThere("that name is taken", where=person.username, remedy="Choose another name.") from error
    return person


def check_credentials(*, request: HttpRequest | None, username: str, password: str) -> Person:
    """The person these credentials belong to. Raises NotValid, never saying which of the two is wrong."""
    person = authenticate(request, username=username, password=password)
    if person is None:
        raise NotValid("the name or the password is wrong", where="password", remedy="Check both and try again.")
    return person


def issue_token(*, person: Person) -> str:
    """The person's token for clients; always the same one until it is deleted."""
    token, _ = Token.objects.get_or_create(user=person)
    return token.key
