"""What a new hub shows: generated cells whose truth is known, a campaign over them, and people to sign in as."""

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
from backend.imaging.conversion import Converted, convert_image
from backend.imaging.models import Dataset
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.images import add_image
from backend.people.accounts import Account, write_accounts
from backend.people.models import Person, Role
from backend.people.services import create_person
from cellcommons.images.readers import read_image
from cellcommons.labels import LabelMap
from cellcommons.store import ObjectStore
from cellcommons.synthetic.cells import SOURCES, SyntheticImage, generate_cells

SLUG = "demo"
IMAGES = 12
PEOPLE = {
    "curator": (Role.CURATOR, "Cora Curator"),
    "expert": (Role.EXPERT, "Egon Expert"),
    "annotator": (Role.ANNOTATOR, "Anna Annotator"),
    "annotator2": (Role.ANNOTATOR, "Ben Annotator"),
    "annotator3": (Role.ANNOTATOR, "Chiara Annotator"),
}
DESCRIPTION = (
    "Generated fluorescence images of nuclei from four imaginary slides: ordinary, crowded, small, and dim. "
    "They are here to try the workbench with; nothing in them comes from a living thing."
)
GUIDELINES = """\
Outline **every nucleus**, each as a cell of its own.

- Start a **new cell** for each nucleus; paint it up to its edge, where brightness falls to half.
- Nuclei that **touch** are two cells: leave no gap between them, and let none run into the other.
- Nuclei **cut by the border** count: outline the part you see.
- Leave out **debris**: specks much smaller than a nucleus, and haze.
- Dim nuclei are nuclei. Raise the contrast before you decide that nothing is there.

Unsure? Outline what you would bet on. Others read the same image without seeing yours, and where you
disagree an expert decides.
"""


def load_demo(*, home: Path | None, say: Callable[[str], None]) -> Campaign | None:
    """Make the demo; None where it is there already. Rows come all or none; passwords go to HOME/accounts.json."""
    if Dataset.objects.filter(slug=SLUG).exists():
        return None
    images = []
    for number in range(IMAGES):
        images.append(_image(object_store(), number))
        say(f"{number + 1} of {IMAGES} images generated")
    passwords = {name: secrets.token_urlsafe(9) for name in PEOPLE}
    with transaction.atomic():
        there = set(Person.objects.filter(username__in=PEOPLE).values_list("username", flat=True))
        for name, (role, display_name) in PEOPLE.items():
            if name not in there:
                create_person(
                    username=name,
                    password=passwords[name],
                    role=role,
                    display_name=display_name,
                    operator=role == Role.CURATOR,
                )
        curator = Person.objects.get(username="curator")
        dataset = create_dataset(slug=SLUG, title="Demo nuclei", description=DESCRIPTION, person=curator)
        for converted in images:
            add_image(dataset=dataset, converted=converted, person=curator)
        campaign = create_campaign(
            slug=SLUG,
            title="Outline the nuclei",
            dataset=dataset,
            guidelines=GUIDELINES,
            readings_needed=3,
            person=curator,
        )
        campaign = open_campaign(campaign=campaign)
        if home is not None:
            # Inside the transaction: without the file nobody could sign in, so without it nobody is made.
            fresh = {name: Account(username=name, password=passwords[name]) for name in PEOPLE if name not in there}
            write_accounts(home, fresh)
        else:
            for name in sorted(PEOPLE.keys() - there):
                say(f"sign in as {name} with {passwords[name]}")
    say(f"{len(PEOPLE)} people, {IMAGES} images, 1 open campaign")
    return campaign


def demo_cells(number: int) -> SyntheticImage:
    """The field of view with this number, and its truth: the same each time it is asked for."""
    source = SOURCES[number % len(SOURCES)]
    return generate_cells(number, height=320, width=416, channels=2 if number % 3 == 2 else 1, source=source)


def _image(store: ObjectStore, number: int) -> Converted:
    """One generated field of view, through a TIFF and the reader like any other image."""
    cells = demo_cells(number)
    name = f"{cells.source} field {number // len(SOURCES) + 1}"
    with tempfile.TemporaryDirectory(prefix="cellcommons-demo-") as folder:
        path = Path(folder) / f"{name.replace(' ', '-')}.ome.tiff"
        tifffile.imwrite(
            path,
            cells.image,
            ome=True,
            compression="zlib",
            metadata={
                "axes": "CYX",
                "Channel": {"Name": list(cells.channels)},
                "PhysicalSizeX": cells.pixel_size.x,
                "PhysicalSizeY": cells.pixel_size.y,
            },
        )
        return convert_image(
            store,
            read_image(path),
            name=name,
            original=path,
            original_name=path.name,
            source=cells.source,
            source_known=True,
            stratum="generated",
            truth=LabelMap(cells.labels, cells.pixel_size),
            metadata={"generated": "cellcommons.synthetic.cells", "seed": number},
        )
