"""The demo's people, images and campaigns, made once in the life of a hub."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

import tifffile
from django.db import transaction

from backend.annotation.models import Campaign
from backend.annotation.services.campaigns import create_campaign, open_campaign
from backend.core.storage import object_store
from backend.imaging.conversion import Converted, Naming, convert_image
from backend.imaging.models import Dataset
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.images import add_image
from backend.people.accounts import Account, write_accounts
from backend.people.labs import FIRST, first_lab
from backend.people.models import Person, Role
from backend.people.services import create_person
from backend.selection.demo.contract import DemoTask
from backend.selection.demo.registry import DEMO
from cellcommons.images.data import ImageData
from cellcommons.images.readers import read_image
from cellcommons.store import ObjectStore

PEOPLE = {
    "curator": (Role.CURATOR, "Cora Curator"),
    "expert": (Role.EXPERT, "Egon Expert"),
    "annotator": (Role.ANNOTATOR, "Anna Annotator"),
    "annotator2": (Role.ANNOTATOR, "Ben Annotator"),
    "annotator3": (Role.ANNOTATOR, "Chiara Annotator"),
}
# They read in the background, several campaigns at once, so they are here before any of it begins.
READERS = {f"simulated{number}": f"Simulated reader {number}" for number in (1, 2, 3)}
READINGS_NEEDED = len(READERS)


def load_demo(*, home: Path | None, say: Callable[[str], None]) -> list[Campaign]:
    """Make what is not there yet; the campaigns that were made. Passwords of new people go to HOME/accounts.json.

    The rows of people, and of each dataset with its campaign, come all or none.
    """
    _make_people(home, say)
    curator = Person.objects.get(username="curator")
    missing = [task for task in DEMO if not Dataset.objects.filter(lab=FIRST, slug=task.page.slug).exists()]
    made = []
    for task in missing:
        images = [_convert(object_store(), task, number) for number in range(task.page.images)]
        made.append(_make_campaign(task, images, curator))
        say(f"{task.page.title}: {len(images)} images")
    if made:
        say(f"{len(PEOPLE)} people, {len(made)} open campaigns")
    return made


@transaction.atomic
def _make_people(home: Path | None, say: Callable[[str], None]) -> None:
    there = set(Person.objects.filter(username__in=PEOPLE).values_list("username", flat=True))
    passwords = {name: secrets.token_urlsafe(9) for name in PEOPLE.keys() - there}
    for name in passwords:
        role, display_name = PEOPLE[name]
        create_person(
            username=name,
            password=passwords[name],
            role=role,
            display_name=display_name,
            operator=role == Role.CURATOR,
        )
    for name, display_name in READERS.items():
        if not Person.objects.filter(username=name).exists():
            create_person(
                username=name, password=secrets.token_urlsafe(24), role=Role.ANNOTATOR, display_name=display_name
            )
    if passwords and home is not None:
        # Inside the transaction: without the file nobody could sign in, so without it nobody is made.
        write_accounts(home, {name: Account(username=name, password=word) for name, word in passwords.items()})
    elif home is None:
        for name, word in sorted(passwords.items()):
            say(f"sign in as {name} with {word}")


@transaction.atomic
def _make_campaign(task: DemoTask, images: list[Converted], curator: Person) -> Campaign:
    page = task.page
    dataset = create_dataset(
        lab=first_lab(), slug=page.slug, title=page.dataset, description=page.description, person=curator
    )
    for converted in images:
        add_image(dataset=dataset, converted=converted, person=curator)
    dataset.refresh_from_db()  # its images brought its classes
    campaign = create_campaign(
        slug=page.slug,
        title=page.title,
        dataset=dataset,
        task=page.task,
        ontology=page.ontology,
        guidelines=page.guidelines,
        readings_needed=READINGS_NEEDED,
        person=curator,
    )
    return open_campaign(campaign=campaign)


def _convert(store: ObjectStore, task: DemoTask, number: int) -> Converted:
    """One generated image, through a TIFF and the reader like any other image."""
    made = task.make(number)
    with tempfile.TemporaryDirectory(prefix="cellcommons-demo-") as folder:
        path = _write_tiff(made.image, Path(folder) / f"{made.name.replace(' ', '-').replace(',', '')}.ome.tiff")
        naming = Naming(
            made.name,
            path,
            path.name,
            source=made.source,
            source_known=True,
            stratum="generated",
            metadata={"generated": made.generator, "seed": number},
        )
        return convert_image(store, read_image(path), naming, truth=made.truth)


def _write_tiff(image: ImageData, path: Path) -> Path:
    metadata: dict[str, object] = {"axes": image.axes.upper(), "Channel": {"Name": list(image.channels)}}
    for axis in "yxz":
        if (size := getattr(image.pixel_size, axis)) is not None:
            metadata |= {f"PhysicalSize{axis.upper()}": size, f"PhysicalSize{axis.upper()}Unit": "µm"}
    tifffile.imwrite(path, image.data, ome=True, compression="zlib", photometric="minisblack", metadata=metadata)
    return path
