"""The demo: whole, once, and openable with the passwords it leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.annotation.models import Campaign, Item, Task
from backend.imaging.models import Companion, Dataset, Image, Truth
from backend.people.models import Person
from backend.selection.demo import loading
from backend.selection.demo.registry import DEMO

SMALL = 2


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images a campaign."""
    for task in DEMO:
        monkeypatch.setattr(type(task), "page", replace(task.page, images=SMALL, images_read=1))


@pytest.mark.django_db
def test_the_demo_is_made_once_and_can_be_signed_in_to(tmp_path: Path, small_demo: None) -> None:
    said: list[str] = []
    made = loading.load_demo(home=tmp_path, say=said.append)
    assert {campaign.task for campaign in made} == set(Task.values)
    assert [campaign.slug for campaign in made] == [task.page.slug for task in DEMO]
    assert Image.objects.count() == Item.objects.count() == SMALL * len(DEMO)
    assert Truth.objects.count() == SMALL * (len(DEMO) - 1)  # a pair's counterpart is given, not kept from anybody
    kinds = set(Companion.objects.values_list("image__dataset__slug", "kind"))
    assert kinds == {("demo-classes", "cells"), ("demo-tracking", "detections"), ("demo-augmented", "target")}
    assert all(campaign.ontology for campaign in made if campaign.task in ("classification", "semantic_segmentation"))
    assert Image.objects.filter(dataset__slug="demo-tracking").first().frames > 1
    assert Dataset.objects.filter(slug="demo").get().sources.filter(known=True).count() == SMALL
    assert said[-1] == "5 people, 5 open campaigns"
    assert Person.objects.filter(username__startswith="simulated").count() == 3
    accounts = json.loads((tmp_path / "accounts.json").read_text())
    assert set(accounts) == {"curator", "expert", "annotator", "annotator2", "annotator3"}
    client = APIClient()
    token = client.post("/api/v1/auth/token/", accounts["annotator"]).data["token"]
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    for campaign in made:
        assert client.post(f"/api/v1/campaigns/{campaign.name}/assignments/next/").status_code == 201
    assert loading.load_demo(home=tmp_path, say=said.append) == []
    assert json.loads((tmp_path / "accounts.json").read_text()) == accounts


@pytest.mark.django_db
def test_a_demo_that_was_cut_short_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_demo: None
) -> None:
    def full_disk(*_: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(DEMO[1]), "make", full_disk)
        with pytest.raises(OSError, match="no space"):
            loading.load_demo(home=tmp_path, say=lambda line: None)
    assert list(Campaign.objects.values_list("slug", flat=True)) == ["demo"]
    accounts = (tmp_path / "accounts.json").read_text()
    made = loading.load_demo(home=tmp_path, say=lambda line: None)
    assert [campaign.slug for campaign in made] == [task.page.slug for task in DEMO[1:]]
    assert (tmp_path / "accounts.json").read_text() == accounts


@pytest.mark.django_db
def test_people_whose_passwords_cannot_be_kept_are_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(loading, "write_accounts", full_disk)
    with pytest.raises(OSError, match="no space"):
        loading.load_demo(home=tmp_path, say=lambda line: None)
    assert not Dataset.objects.exists()
    assert not Person.objects.exists()
