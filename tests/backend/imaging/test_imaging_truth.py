"""Truth stays with the hub: whatever a person may ask, no answer names its tree or serves its bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver
from PIL import Image as Picture
from rest_framework.test import APIClient

from backend.annotation.services import create_campaign, open_campaign
from backend.imaging.models import Dataset, Image, Import, Truth
from backend.imaging.services.folders import import_folder
from backend.people.models import Person
from cellcommons.store import ObjectStore
from cellcommons.tree import load_tree


@pytest.fixture
def imported(dataset: Dataset, tmp_path: Path, curator: Person) -> Image:
    """An image that came with a mask, in an open campaign."""
    for kind, value in (("images", 180), ("masks", 255)):
        folder = tmp_path / "in" / "n1" / kind
        folder.mkdir(parents=True)
        pixels = np.zeros((64, 64), np.uint8)
        pixels[10:40, 20:50] = value
        Picture.fromarray(pixels).save(folder / "n1.png")
    record = Import.objects.create(dataset=dataset, layout="dsb2018", created_by=curator)
    import_folder(record=record, path=tmp_path / "in")
    open_campaign(campaign=create_campaign(slug="loop", title="Loop", dataset=dataset))
    return Image.objects.get()


def _get_routes(resolver: URLResolver, prefix: str = "") -> list[str]:
    found: list[str] = []
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += _get_routes(pattern, route)
        elif isinstance(pattern, URLPattern) and hasattr(getattr(pattern.callback, "view_class", None), "get"):
            found.append(route)
    return [route for route in found if route.startswith("api/v1/")]


@pytest.mark.django_db
def test_no_route_tells_of_truth(
    imported: Image, curator: Person, client_of: Callable[..., APIClient], store: ObjectStore
) -> None:
    truth = Truth.objects.get(image=imported)
    tree = load_tree(store, truth.tree_sha256)
    image_objects = {entry.sha256 for entry in load_tree(store, imported.tree_sha256).entries}
    secrets = {truth.tree_sha256} | {entry.sha256 for entry in tree.entries} - image_objects
    client = client_of(curator)
    lease = client.post("/api/v1/campaigns/commons/loop/assignments/next/")
    assert lease.status_code == 201
    record = Import.objects.get()
    answered = 0
    for route in _get_routes(get_resolver()):
        owner = {"images": imported.pk, "imports": record.pk, "assignments": lease.data["id"]}
        slug = "cells" if "datasets/" in route else "loop"
        for digest in secrets:
            real = "/" + route.replace("<slug:slug>", slug).replace("<slug:lab>", "commons")
            real = re.sub(r"<uuid:\w+>", str(next((v for k, v in owner.items() if f"/{k}/" in route), record.pk)), real)
            real = re.sub(r"<path:path>", "zarr.json", real)
            real = re.sub(r"<str:aa>/<str:bb>/<str:\w+>", f"{digest[:2]}/{digest[2:4]}/{digest}", real)
            real = re.sub(r"<version:\w+>", "1", real)
            real = re.sub(r"<(?:\w+:)?\w+>", digest, real)
            response = client.get(real)
            body = b"".join(response.streaming_content) if response.streaming else response.content
            answered += response.status_code == 200
            # A refusal may repeat the address that was asked for.
            text = body.decode("latin-1").replace(real, "")
            assert not [name for name in secrets if name in text and response.status_code == 200], real
            assert response.status_code != 200 or store.get(truth.tree_sha256) != body, real
    assert answered > 15
    assert "truth" not in str(client.get(f"/api/v1/images/{imported.pk}/").data).lower()


@pytest.mark.django_db
def test_metadata_of_the_image_tree_does_not_hold_the_mask(imported: Image, store: ObjectStore) -> None:
    for entry in load_tree(store, imported.tree_sha256).entries:
        if entry.path.endswith(".json"):
            assert b"mask" not in store.get(entry.sha256)
