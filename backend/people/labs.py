"""Labs, who belongs to them, and what follows from that."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from backend.core.errors import NotAllowed, NotValid, WrongState
from backend.people.models import Lab, Membership, Person, Role
from backend.people.selectors import labs_of, members_of
from cellcommons.errors import AlreadyThere, NotFound

FIRST = "commons"


def first_lab() -> Lab:
    """The lab that every hub begins with; made where it is not there."""
    return Lab.objects.get_or_create(slug=FIRST, defaults={"title": "The commons"})[0]


def create_lab(*, slug: str, title: str, person: Person) -> Lab:
    """A new lab with ``person`` in it. Raises AlreadyThere: names of labs are the hub's, like those of people."""
    try:
        with transaction.atomic():
            lab = Lab.objects.create(slug=slug, title=title)
            Membership.objects.create(person=person, lab=lab)
            return lab
    except IntegrityError as error:
        raise AlreadyThere("a lab of that name exists", where=slug, remedy="Choose another name.") from error


def lab_of(person: Person, slug: str = "") -> Lab:
    """The lab that ``person`` means: the one named, or the only one they belong to.

    Raises:
        NotValid: they belong to none of that name, or to several and named none.
    """
    mine = list(labs_of(person))
    if slug:
        found = next((lab for lab in mine if lab.slug == slug), None)
        if found is None:
            names = ", ".join(lab.slug for lab in mine)
            remedy = f"Yours: {names}." if mine else "Ask a curator to take you into one."
            raise NotValid("you belong to no lab of that name", where="lab", remedy=remedy)
        return found
    if len(mine) != 1:
        names = ", ".join(lab.slug for lab in mine)
        remedy = f"Name one of {names}." if mine else "Ask a curator to take you into one."
        raise NotValid("which of your labs is it?" if mine else "you belong to no lab", where="lab", remedy=remedy)
    return mine[0]


@transaction.atomic
def add_member(*, lab: Lab, username: str) -> Person:
    """Take a person of the hub into a lab; one who is there already stays. Raises NotValid: there is no such person."""
    person = Person.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise NotValid("there is nobody of that name", where="username", remedy="Make the person first, or mend it.")
    Membership.objects.get_or_create(person=person, lab=lab)
    return person


@transaction.atomic
def remove_member(*, lab: Lab, username: str) -> None:
    """Let a member go: what is the lab's alone is out of their sight from now on; what they have said stays.

    Raises:
        NotFound: nobody of that name belongs to it.
        WrongState: they are its last curator.
    """
    Lab.objects.select_for_update(no_key=True).get(pk=lab.pk)  # two curators may let one another go at once
    member = members_of(lab).filter(username=username).first()
    if member is None:
        raise NotFound("nobody of that name belongs to the lab", where=username)
    others = members_of(lab).filter(role=Role.CURATOR, is_active=True).exclude(pk=member.pk)
    if member.role == Role.CURATOR and not others.exists():
        raise WrongState(
            "the lab would be left without a curator", where=username, remedy="Take in another curator first."
        )
    Membership.objects.filter(lab=lab, person=member).delete()


def require_member(person: Any, lab_slug: str) -> None:
    """Raises NotAllowed unless ``person`` belongs to the lab: what a lab owns is changed by its own people."""
    if not labs_of(person).filter(pk=lab_slug).exists():
        raise NotAllowed(
            "it belongs to another lab, whose curators change it", where=lab_slug, remedy="Ask one of them."
        )
