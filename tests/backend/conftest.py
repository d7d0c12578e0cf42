"""What backend tests may use: people, clients signed in as them, an object store of their own, images."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from PIL import Image as Picture
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from backend.core.storage import object_store
from backend.imaging.models import Dataset, Image
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.images import receive_image
from backend.people.labs import first_lab
from backend.people.models import Person, Role
from backend.people.services import create_person
from cellcommons.store import ObjectStore

PASSWORD = "seven-hungry-owls"


@pytest.fixture(autouse=True)
def _fresh(settings: Any, tmp_path: Path) -> None:
    """No test sees another's objects or throttles."""
    settings.OBJECTS_URL = (tmp_path / "objects").as_uri()
    cache.clear()


@pytest.fixture
def store() -> ObjectStore:
    """The hub's object store."""
    return object_store()


@pytest.fixture
def make_person(db: None) -> Callable[..., Person]:
    """``make_person("ada", Role.EXPERT)``."""

    def make(username: str, role: Role = Role.ANNOTATOR) -> Person:
        return create_person(username=username, password=PASSWORD, role=role)

    return make


@pytest.fixture
def curator(make_person: Callable[..., Person]) -> Person:
    return make_person("curator", Role.CURATOR)


@pytest.fixture
def expert(make_person: Callable[..., Person]) -> Person:
    return make_person("expert", Role.EXPERT)


@pytest.fixture
def annotator(make_person: Callable[..., Person]) -> Person:
    return make_person("annotator")


@pytest.fixture
def client_of() -> Callable[[Person | None], APIClient]:
    """``client_of(person)``: an API client with that person's token; ``client_of(None)`` is a stranger's."""

    def make(person: Person | None) -> APIClient:
        client = APIClient()
        if person is not None:
            token, _ = Token.objects.get_or_create(user=person)
            client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
        return client

    return make


@pytest.fixture
def dataset(curator: Person) -> Dataset:
    return create_dataset(lab=first_lab(), slug="cells", title="Cells", person=curator)


def png_bytes(pixels: np.ndarray) -> bytes:
    """A PNG of ``pixels`` (yx, uint8 or uint16)."""
    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def make_image(dataset: Dataset, tmp_path: Path) -> Callable[..., Image]:
    """``make_image("a", shape=(200, 300), source="slide 1")``: a real image in the dataset; each of other bytes."""
    made = 0

    def make(name: str = "", *, shape: tuple[int, int] = (140, 200), source: str = "", stratum: str = "") -> Image:
        nonlocal made
        made += 1
        pixels = np.random.default_rng(made).integers(0, 60_000, shape).astype(np.uint16)
        path = tmp_path / f"upload-{made}.png"
        path.write_bytes(png_bytes(pixels))
        return receive_image(
            dataset=dataset, path=path, filename=path.name, name=name or f"image {made}", source=source, stratum=stratum
        )

    return make
