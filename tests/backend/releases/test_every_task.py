"""What campaigns of every task settle becomes releases: with what was given, classes and tracks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from every_task import BLOOD, TISSUE, boxed_image, movie_image, noise, paired_image, say, task_campaign

from backend.annotation.models import Campaign
from backend.annotation.services import attach_draft
from backend.consensus.services import fuse_item
from backend.imaging.models import Companion, Dataset, Image
from backend.people.models import Person
from backend.releases import services
from backend.releases.models import Release, ReleaseObject, ReleaseState, SplitLock
from cellcommons.classes import parse_ontology
from cellcommons.images.ome_zarr import write_image
from cellcommons.release import Release as Sealed
from cellcommons.release import open_release
from cellcommons.store import ObjectStore

IMAGES = 5
Publish = Callable[[Campaign], Sealed]


@pytest.fixture
def publish(dataset: Dataset, curator: Person, store: ObjectStore) -> Publish:
    """``publish(campaign)``: its next release, sealed, opened and verified."""

    def make(campaign: Campaign) -> Sealed:
        for item in campaign.items.all():
            fuse_item(item_id=item.pk)
        draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
        release = services.publish_release(release_id=draft.pk)
        assert (release.state, release.error) == (ReleaseState.PUBLISHED, "")
        sealed = open_release(store, release.manifest_sha256)
        assert sealed.verify() == sealed.counted()
        assert dict(ReleaseObject.objects.filter(release=release).values_list("sha256", "size")) == dict(
            sealed.objects()
        )
        return sealed

    return make


def classes_campaign(
    dataset: Dataset, bring: Callable[..., Image], readers: list[Person], *, slug: str = "every-task"
) -> Campaign:
    """Five images of six boxed cells; both readers see the truth."""
    images = [bring(*boxed_image(6, seed)) for seed in range(IMAGES)]
    campaign = task_campaign(dataset, images, "classification", ontology=BLOOD, readings_needed=2, slug=slug)
    for item in campaign.items.all():
        for person in readers:
            say(item, person, values={str(n + 1): [BLOOD.names[n % 3]] for n in range(6)})
    return campaign


def test_classification(
    dataset: Dataset, bring_image: Callable[..., Image], readers: list[Person], publish: Publish,
    client_of: Callable[..., Any],
) -> None:  # fmt: skip
    campaign = classes_campaign(dataset, bring_image, readers)
    sealed = publish(campaign)
    assert sealed.ontology == BLOOD == parse_ontology(sealed.manifest.ontology)
    assert sealed.manifest.counts.cells == 6 * IMAGES
    boxes = {str(image): tree for image, tree in Companion.objects.values_list("image_id", "tree_sha256")}
    for item in sealed.items():
        assert [row.classes for row in item.cells] == [(BLOOD.names[n % 3],) for n in range(6)]
        assert sealed.reading(item).values == {str(row.id): list(row.classes) for row in item.cells}
        assert item.companions == {"boxes": boxes[item.image]}
    shown = client_of(None).get("/api/v1/releases/commons/cells/1/").json()
    assert (shown["task"], shown["ontology"]["names"]) == ("classification", list(BLOOD.names))
    assert {name: sum(splits.values()) for name, splits in shown["classes"].items()} == dict.fromkeys(
        BLOOD.names, 2 * IMAGES
    )
    assert shown["classes"]["RBC"]["train"] == 2 * shown["splits"]["train"]
    assert "| RBC |" in shown["card"]
    assert "cell.classes" in shown["card"]


def test_semantic_segmentation(
    dataset: Dataset, bring_image: Callable[..., Image], readers: list[Person], publish: Publish,
    client_of: Callable[..., Any],
) -> None:  # fmt: skip
    images = [bring_image(noise((1, 40, 50), "cyx", seed)) for seed in range(IMAGES)]
    campaign = task_campaign(dataset, images, "semantic_segmentation", ontology=TISSUE, readings_needed=2)
    raster = np.ones((40, 50), np.uint32)
    raster[10:20, :10], raster[30:] = 3, 0
    for item in campaign.items.all():
        for person in readers:
            say(item, person, raster=raster)
    sealed = publish(campaign)
    item = next(sealed.items())
    assert np.array_equal(sealed.labels(item), raster)
    assert [(row.id, row.classes, row.area) for row in item.cells] == [
        (1, ("background",), 1400), (3, ("tumour",), 100),
    ]  # fmt: skip
    shown = client_of(None).get("/api/v1/releases/commons/cells/1/").json()
    assert shown["classes"]["stroma"] == {"train": 0, "validation": 0, "test": 0}
    assert "Absent from train: stroma" in shown["card"]
    assert "25.0% of the pixels are unknown" in shown["card"]


def test_tracking(
    dataset: Dataset, bring_image: Callable[..., Image], readers: list[Person], publish: Publish,
    client_of: Callable[..., Any],
) -> None:  # fmt: skip
    movies = [movie_image(seed) for seed in range(IMAGES)]
    images = [bring_image(data, movie.truth) for data, movie, _ in movies]
    campaign = task_campaign(dataset, images, "tracking", readings_needed=2)
    for item, (_, _, links) in zip(campaign.items.order_by("rank"), movies, strict=True):
        for person in readers:
            say(item, person, values=dict(links))
    sealed = publish(campaign)
    truths = {str(image.pk): movie.truth for image, (_, movie, _) in zip(images, movies, strict=True)}
    for item in sealed.items():
        movie, truth = sealed.movie(item), truths[item.image]
        assert np.array_equal(movie.data > 0, truth.data > 0)
        assert len(movie.lineage.divisions) == len(truth.lineage.divisions)
        assert movie.lineage.tracks == item.tracks
        assert [row.id for row in item.cells] == [track.id for track in item.tracks]
    shown = client_of(None).get("/api/v1/releases/commons/cells/1/").json()
    assert shown["counts"]["tracks"] == sum(len(item.tracks) for item in sealed.items())
    assert shown["counts"]["divisions"] == sum(len(truth.lineage.divisions) for truth in truths.values())
    assert (shown["task"], shown["ontology"], shown["classes"]) == ("tracking", None, {})


def test_augmented(
    dataset: Dataset, bring_image: Callable[..., Image], readers: list[Person], publish: Publish
) -> None:
    pairs = [paired_image(seed) for seed in range(IMAGES)]
    campaign = task_campaign(dataset, [bring_image(*pair) for pair in pairs], "augmented", readings_needed=2)
    marks = np.zeros((64, 80), np.uint32)
    marks[5:15, 5:15] = 1
    for item in campaign.items.all():
        for person in readers:
            say(item, person, raster=marks)
    sealed = publish(campaign)
    targets = {pair.target.data.tobytes() for _, pair in pairs}
    for item in sealed.items():
        assert sealed.target(item).data.tobytes() in targets
        assert item.markers == ("channel 1", "channel 2")
        assert np.array_equal(sealed.labels(item) > 0, marks > 0)
    assert "| channel 2 |" in sealed.card()


def test_marks_on_a_prediction_are_told_from_marks_on_the_target(
    dataset: Dataset, bring_image: Callable[..., Image], readers: list[Person], publish: Publish, store: ObjectStore
) -> None:
    images = [bring_image(*paired_image(seed)) for seed in range(3)]
    campaign = task_campaign(dataset, images, "augmented", readings_needed=1)
    judged, *others = campaign.items.order_by("rank")
    tree = write_image(store, noise((2, 64, 80), "cyx", 99))
    attach_draft(
        item=judged, labels_sha256=tree.digest, cells=0, cell_scores={},
        provenance={"checkpoint_sha256": "ab" * 32, "prediction": "prediction-1"},
    )  # fmt: skip
    marks = np.zeros((64, 80), np.uint32)
    marks[5:15, 5:15] = 1
    say(judged, readers[0], raster=marks, values={"trial": "a"})
    for item in others:
        say(item, readers[0], raster=marks)
    sealed = publish(campaign)
    named = {item.image: item.provenance.prediction for item in sealed.items()}
    assert named.pop(str(judged.image_id)) == "prediction-1"
    assert set(named.values()) == {None}
    assert "1 of 3 mark failures of a model's prediction" in sealed.card()
    assert "starting from a model's draft" not in sealed.card()


def test_a_second_campaign_of_another_task_keeps_the_splits_of_the_first(
    dataset: Dataset, bring_image: Callable[..., Image], readers: list[Person], publish: Publish
) -> None:
    """What one task's models are tested on, another's must not be trained on: a network may be shared."""
    first = classes_campaign(dataset, bring_image, readers)
    before = {item.image: item.split for item in publish(first).items()}
    assert set(before.values()) == {"train", "validation", "test"}
    images = [item.image for item in first.items.order_by("rank")]
    second = task_campaign(dataset, images, "instance_segmentation", slug="cells", readings_needed=1)
    for item in second.items.all():
        raster = np.zeros((item.image.height, item.image.width), np.uint32)
        raster[2:8, 2:8] = 1
        say(item, readers[0], raster=raster)
    sealed = publish(second)
    assert {item.image: item.split for item in sealed.items()} == before
    assert sealed.manifest.ontology is None
    assert all(not item.companions for item in sealed.items())
    assert SplitLock.objects.count() == IMAGES
    assert Release.objects.count() == 2


def test_a_target_that_no_longer_fits_fails_the_release_with_the_reason(
    dataset: Dataset, bring_image: Callable[..., Image], readers: list[Person], curator: Person
) -> None:
    campaign = task_campaign(dataset, [bring_image(*paired_image())], "augmented", readings_needed=1)
    (item,) = campaign.items.all()
    say(item, readers[0], raster=np.zeros((64, 80)))
    fuse_item(item_id=item.pk)
    other = bring_image(*paired_image(7, (48, 48)))
    wrong = other.companions.get().tree_sha256
    Companion.objects.filter(image=item.image).update(tree_sha256=wrong)
    draft = services.draft_release(dataset=dataset, campaign=campaign, person=curator)
    failed = services.publish_release(release_id=draft.pk)
    assert failed.state == ReleaseState.FAILED
    assert "the target is (48, 48) pixels" in failed.error
    assert item.image.name in failed.error
