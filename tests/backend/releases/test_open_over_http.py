"""``cellcommons.open`` against the hub's own routes, over a socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cellcommons
from backend.annotation.models import Campaign
from backend.core.storage import object_store
from backend.imaging.models import Dataset
from backend.people.models import Person
from backend.releases import services
from cellcommons import cut_trees
from cellcommons.cards.release_documents import release_documents
from cellcommons.client import Client
from cellcommons.crops import Crops
from cellcommons.download_settings import DownloadSettings
from cellcommons.folder import ReleaseFolder
from cellcommons.images import shards
from cellcommons.partial import PartialRelease
from cellcommons.release import open_release
from cellcommons.selection import Selection


@pytest.mark.django_db(transaction=True)
def test_a_published_release_is_read_where_it_lies(
    dataset: Dataset, campaign: Campaign, curator: Person, live_server: Any, tmp_path: Path
) -> None:
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    published = services.publish_release(release_id=draft.pk)
    sealed = open_release(object_store(), published.manifest_sha256)
    # Below any size of these objects, so that pixels come by byte range.
    opened = cellcommons.open("commons/cells@1", hub=live_server.url, cache=tmp_path, whole=100)
    assert opened.digest == sealed.digest
    for item in opened.items():
        lazy = opened.lazy(item)
        np.testing.assert_array_equal(lazy.load().data, sealed.image(item).data)
        np.testing.assert_array_equal(opened.labels(item), sealed.labels(item))
    crops = [sample["image"] for sample in Crops(opened, size=16)]
    assert len(crops) == len(Crops(sealed, size=16))
    for name, data in release_documents(sealed.manifest).items():
        assert opened.store.get(opened.manifest.files[name].sha256) == data


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images that are made after this are worth cutting, small as they are."""
    monkeypatch.setattr(shards, "CHUNK", 16)
    monkeypatch.setattr(cut_trees, "WHOLE", 0)


@pytest.mark.django_db(transaction=True)
def test_a_region_comes_by_range_from_the_hubs_own_routes(
    small_chunks: None, dataset: Dataset, campaign: Campaign, curator: Person, live_server: Any, tmp_path: Path
) -> None:
    published = services.publish_release(
        release_id=services.draft_release(dataset=dataset, campaign=campaign, person=curator).pk
    )
    sealed = open_release(object_store(), published.manifest_sha256)
    channel = next(sealed.items()).channels[-1]
    wanted = DownloadSettings(selection=Selection(channels=(channel,), roi="3:20,5:30"))
    Client(live_server.url).download("commons/cells@1", tmp_path / "part", wanted)
    part = ReleaseFolder(tmp_path / "part").verify()
    assert isinstance(part, PartialRelease)
    assert part.check_cuts() > 0
    for item in part.items():
        whole, place = sealed.image(item).data, item.channels.index(channel)
        np.testing.assert_array_equal(part.image(item).data, whole[place : place + 1, 3:20, 5:30])
        np.testing.assert_array_equal(part.labels(item), sealed.labels(item)[3:20, 5:30])
