"""The demo: whole, once, and openable with the passwords it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.annotation.models import Campaign, Item
from backend.imaging.models import Dataset, Image, Truth
from backend.people.models import Person
from backend.selection import demo


@pytest.mark.django_db
def test_the_demo_is_made_once_and_can_be_signed_in_to(tmp_path: Path) -> None:
    said: list[str] = []
    assert demo.load_demo(home=tmp_path, say=said.append) == Campaign.objects.get()
    assert (Image.objects.count(), Truth.objects.count(), Item.objects.count()) == (12, 12, 12)
    assert {len(image.channels) for image in Image.objects.all()} == {1, 2}
    assert all(image.pixel_size_um["x"] for image in Image.objects.all())
    assert Dataset.objects.get().sources.filter(known=True).count() == 4
    assert said[-1] == "5 people, 12 images, 1 open campaign"
    accounts = json.loads((tmp_path / "accounts.json").read_text())
    assert set(accounts) == {"curator", "expert", "annotator", "annotator2", "annotator3"}
    client = APIClient()
    token = client.post("/api/v1/auth/token/", accounts["annotator"]).data["token"]
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.post("/api/v1/campaigns/demo/assignments/next/").status_code == 201
    assert demo.load_demo(home=tmp_path, say=said.append) is None
    assert json.loads((tmp_path / "accounts.json").read_text()) == accounts


@pytest.mark.django_db
def test_a_demo_that_fails_leaves_no_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(demo, "IMAGES", 1)
    monkeypatch.setattr(demo, "write_accounts", full_disk)
    with pytest.raises(OSError, match="no space"):
        demo.load_demo(home=tmp_path, say=lambda line: None)
    assert not Dataset.objects.exists()
    assert not Person.objects.exists()
