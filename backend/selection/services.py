"""Open a round: rank what nobody has read, and offer the best of it."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max

from backend.annotation.models import Campaign
from backend.annotation.selectors import unread_items
from backend.annotation.services import rank_items
from backend.core.errors import WrongState
from backend.modelzoo.models import PredictionRun, RunState
from backend.people.models import Person
from backend.selection.models import RankedItem, Round, Strategy
from backend.selection.ranking import rank_at_random, rank_by_uncertainty
from backend.selection.selectors import predictions_by_image
from cellcommons.errors import InvalidDocument


@transaction.atomic
def open_round(
    *,
    campaign: Campaign,
    person: Person,
    strategy: str = Strategy.UNCERTAINTY,
    prediction_run: PredictionRun | None = None,
    size: int | None = None,
    seed: int = 0,
) -> Round:
    """Rank a campaign's unread items; offer the first ``size`` of them (all if None); the others wait for a later one.

    What people have begun or read keeps its place.

    Raises:
        InvalidDocument: uncertainty without predictions of this campaign, or nothing is left to rank.
        WrongState: the predictions are not finished.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if prediction_run is None and strategy == Strategy.UNCERTAINTY:
        raise InvalidDocument(
            "ranking by uncertainty needs a prediction run",
            where="prediction_run",
            remedy="Predict the campaign first.",
        )
    if prediction_run is not None:
        _require_usable(prediction_run, campaign)
    items = {str(item.image_id): item for item in unread_items(campaign=campaign)}
    if not items:
        raise InvalidDocument(
            "nobody is waiting to be asked: every image has been begun", where=campaign.name, remedy="Add images."
        )
    predictions = predictions_by_image(prediction_run) if prediction_run else {}
    if strategy == Strategy.UNCERTAINTY:
        known = {str(image): prediction.uncertainty for image, prediction in predictions.items()}
        ranking = rank_by_uncertainty(list(items), known, seed=seed)
    else:
        ranking = rank_at_random(list(items), seed=seed)
    last = campaign.rounds.aggregate(last=Max("number"))["last"] or 0
    opened = Round.objects.create(
        campaign=campaign,
        number=last + 1,
        strategy=strategy,
        prediction_run=prediction_run,
        size=size,
        seed=seed,
        created_by=person,
    )
    RankedItem.objects.bulk_create(
        RankedItem(
            round=opened,
            item=items[image],
            prediction=predictions.get(items[image].image_id),
            score=score,
            rank=rank,
        )
        for rank, (image, score) in enumerate(ranking, start=1)
    )
    ranks = [(items[image].pk, rank) for rank, (image, _) in enumerate(ranking, start=1)]
    rank_items(campaign=campaign, ranking=ranks, offered=None if size is None else {pk for pk, _ in ranks[:size]})
    return opened


def _require_usable(run: PredictionRun, campaign: Campaign) -> None:
    if run.campaign_id != campaign.pk:
        raise InvalidDocument("the predictions are of another campaign", where="prediction_run")
    if run.state != RunState.FINISHED:
        raise WrongState(
            f"the prediction run is {run.state}", where=f"prediction run {run.pk}", remedy="Wait until it is finished."
        )
