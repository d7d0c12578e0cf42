"""One of each thing that an address can name, all of a dataset that is its lab's alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agreed import PLACES, SHAPE
from hidden import LAB, Things
from readings import add_reading, disks

from backend.annotation.models import Campaign, Item
from backend.annotation.services.leases import lease_next_assignment
from backend.consensus.models import Consensus, Disagreement
from backend.consensus.services import fuse_item
from backend.imaging.models import Dataset, FileOutcome, Image, Import, ImportedFile, ImportState
from backend.imaging.services.datasets import create_dataset
from backend.imaging.services.uploads import begin_upload
from backend.modelzoo.models import ModelCard, Prediction
from backend.modelzoo.services import accept_report, order_prediction
from backend.people.labs import add_member, create_lab
from backend.people.models import Person, Role
from backend.releases.comparing import compare_releases, run_comparison
from backend.releases.models import Release
from backend.releases.services import draft_release, publish_release
from backend.selection.services import open_round
from cellcommons.orders import PredictionReport
from cellcommons.store import ObjectStore
from cellcommons.tree import load_tree


@pytest.fixture
def dataset(curator: Person) -> Dataset:
    """The curator's own, of a lab that nobody else belongs to."""
    lab = create_lab(slug=LAB, title="Hidden", person=curator)
    return create_dataset(lab=lab, slug="cells", title="Cells", visibility="lab", person=curator)


@pytest.fixture
def outsider(make_person: Callable[..., Person]) -> Person:
    return make_person("outsider", Role.CURATOR)


@pytest.fixture
def things(
    dataset: Dataset,
    campaign: Campaign,
    release: Release,
    card: ModelCard,
    readers: list[Person],
    curator: Person,
    make_person: Callable[..., Person],
    make_image: Callable[..., Image],
    prediction_report: Callable[..., PredictionReport],
    store: ObjectStore,
) -> Things:
    """One of each, all of the private dataset; ``member`` holds an assignment with a draft."""
    member = make_person("member")
    add_member(lab=dataset.lab, username="member")
    disputed = campaign.items.order_by("rank").last()
    for slot, person in enumerate(readers, start=1):
        add_reading(disputed, person, disks(SHAPE, PLACES[:slot]), slot=slot)
    fuse_item(item_id=disputed.pk)
    late = make_image("late", shape=SHAPE)
    Item.objects.create(campaign=campaign, image=late, readings_needed=2, rank=9)
    run = order_prediction(model_card=card, campaign=campaign, person=curator)
    accept_report(kind="prediction", run_id=run.pk, report_sha256=prediction_report(run).save(store))
    opened = open_round(campaign=campaign, person=curator, strategy="random")
    assignment, _ = lease_next_assignment(campaign=campaign, person=member)
    assert assignment is not None
    assert assignment.draft is not None
    second = publish_release(
        release_id=draft_release(dataset=dataset, campaign=campaign, person=curator, title="Second").pk
    )
    comparison = compare_releases(before=release, after=second)
    assert run_comparison(comparison_id=comparison.pk).tree_sha256
    draft = draft_release(dataset=dataset, campaign=campaign, person=curator, review=True, title="Third")
    batch = Import.objects.create(dataset=dataset, layout="plain", state=ImportState.FAILED)
    ImportedFile.objects.create(batch=batch, name="late", outcome=FileOutcome.IMPORTED, image=late)
    upload, _ = begin_upload(
        person=curator, dataset=dataset, purpose="image", name="on its way.png", size=4, sha256="5" * 64, options={}
    )
    entry = load_tree(store, late.tree_sha256).entries[0]
    assert entry.sha256
    return Things(
        image=str(release.images.first().image_id),
        records={
            "images": str(late.pk), "imports": str(batch.pk), "uploads": str(upload.pk),
            "assignments": str(assignment.pk),
            "consensus": str(Consensus.objects.first().pk), "disagreements": str(Disagreement.objects.first().pk),
            "training-runs": str(card.training_run_id), "model-cards": str(card.pk), "prediction-runs": str(run.pk),
            "predictions": str(Prediction.objects.first().pk), "rounds": str(opened.pk),
        },
        comparison=str(comparison.pk),
        digest=release.objects_needed.first().sha256,
        picture=card.images[0]["picture"],
        draft=str(draft.pk),
        references={
            "dataset": dataset.name, "campaign": campaign.name, "prediction_run": str(run.pk), "lab": LAB,
            "reference": release.reference, "release": release.reference, "model_card": str(card.pk),
        },
    )  # fmt: skip
