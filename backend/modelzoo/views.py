"""Training runs, model cards, prediction runs and predictions."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView

from backend.core.object_files import object_response, tree_file_response
from backend.core.permissions import SignedIn
from backend.imaging.access import require_own
from backend.imaging.uploaded import on_disk
from backend.modelzoo import services
from backend.modelzoo.events import training_events
from backend.modelzoo.models import ModelCard, Prediction, PredictionRun, TrainingRun, Weights
from backend.modelzoo.selectors import (
    image_names,
    list_model_cards,
    list_prediction_runs,
    list_predictions,
    list_training_runs,
)
from backend.modelzoo.serializers import (
    ModelCardSerializer,
    ModelCardSummary,
    NewPredictionRun,
    NewTrainingRun,
    NewWeights,
    PredictionQuery,
    PredictionRunSerializer,
    PredictionSerializer,
    RunQuery,
    TrainingRunSerializer,
    TrainingRunSummary,
    WeightsSerializer,
)
from backend.people.permissions import IsCurator, IsExpert
from backend.releases.selectors import find_release
from cellcommons.errors import NotFound


class WeightsView(generics.ListAPIView):
    permission_classes = [IsCurator]
    serializer_class = WeightsSerializer
    parser_classes = [MultiPartParser]
    queryset = Weights.objects.order_by("-created", "id")

    @extend_schema(operation_id="weights_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Weights that were brought, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="weights_create", request={"multipart/form-data": NewWeights}, responses={201: WeightsSerializer}
    )
    def post(self, request: Request) -> Response:
        """Bring a safetensors file to begin trainings with."""
        form = NewWeights(data=request.data)
        form.is_valid(raise_exception=True)
        upload = form.validated_data["file"]
        with on_disk(upload) as path:
            weights = services.receive_weights(path=path, filename=upload.name, person=request.user)
        return Response(WeightsSerializer(weights).data, status=status.HTTP_201_CREATED)


class TrainingRunsView(generics.ListAPIView):
    serializer_class = TrainingRunSummary
    queryset = TrainingRun.objects.none()

    def get_permissions(self) -> list[Any]:
        return [IsCurator()] if self.request.method == "POST" else [SignedIn()]

    def get_queryset(self) -> QuerySet[TrainingRun]:
        query = RunQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return list_training_runs(self.request.user).filter(**query.validated_data)

    @extend_schema(operation_id="training_runs_list", parameters=[RunQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Trainings, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="training_runs_create", request=NewTrainingRun, responses={202: TrainingRunSerializer})
    def post(self, request: Request) -> Response:
        """Train on a published release; a worker takes the order."""
        form = NewTrainingRun(data=request.data)
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        release = find_release(values.pop("release"), request.user)
        if release is None:
            raise ValidationError({"release": ["There is no such release."]})
        run = services.order_training(release=release, person=request.user, **values)
        return Response(TrainingRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


def _require_mine(request: Request, run: TrainingRun) -> None:
    """Raises NotAllowed unless the person ordered the run, or is of the lab that its dataset belongs to."""
    if run.created_by_id != request.user.pk:
        require_own(request.user, run.release.dataset)


class TrainingRunView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="training_runs_retrieve", responses=TrainingRunSerializer)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """One training with its curve."""
        return Response(TrainingRunSerializer(get_object_or_404(list_training_runs(request.user), pk=id)).data)


class CancelTrainingView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="training_runs_cancel", request=None, responses={202: TrainingRunSerializer})
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Ask the worker to stop; what it has saved is kept."""
        run = get_object_or_404(list_training_runs(request.user), pk=id)
        _require_mine(request, run)
        services.cancel_run(kind="training", run_id=run.pk)
        return Response(
            TrainingRunSerializer(list_training_runs(request.user).get(pk=id)).data, status=status.HTTP_202_ACCEPTED
        )


class ResumeTrainingView(APIView):
    permission_classes = [IsCurator]

    @extend_schema(operation_id="training_runs_resume", request=None, responses={202: TrainingRunSerializer})
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Go on from the last saved state."""
        run = get_object_or_404(list_training_runs(request.user), pk=id)
        _require_mine(request, run)
        services.resume_run(kind="training", run_id=run.pk)
        return Response(
            TrainingRunSerializer(list_training_runs(request.user).get(pk=id)).data, status=status.HTTP_202_ACCEPTED
        )


class TrainingEventsView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="training_runs_events", responses={(200, "text/event-stream"): OpenApiTypes.STR})
    def get(self, request: Request, id: uuid.UUID) -> HttpResponseBase:
        """Server-sent events: `progress` with the run whenever it changed, `end` at the end."""
        run = get_object_or_404(list_training_runs(request.user), pk=id)
        # X-Accel-Buffering: a proxy in front must pass each event on at once.
        return StreamingHttpResponse(
            training_events(run.pk, request.user),
            content_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


class ModelCardsView(generics.ListAPIView):
    permission_classes = [SignedIn]
    serializer_class = ModelCardSummary
    queryset = ModelCard.objects.none()

    def get_queryset(self) -> QuerySet[ModelCard]:
        return list_model_cards(self.request.user)

    @extend_schema(operation_id="model_cards_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Model cards, newest first."""
        return super().get(request, *args, **kwargs)


class ModelCardView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="model_cards_retrieve", responses=ModelCardSerializer)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """One card: measures beside a baseline, by stratum and by image."""
        card = get_object_or_404(list_model_cards(request.user), pk=id)
        return Response(ModelCardSerializer(card, context={"names": image_names(card), "request": request}).data)


class ModelCardPictureView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="model_cards_picture", responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, id: uuid.UUID, digest: str) -> HttpResponseBase:
        """A picture of one test image; only those that the card names."""
        card = get_object_or_404(list_model_cards(request.user), pk=id)
        if digest not in {score["picture"] for score in card.images}:
            raise NotFound("the card has no such picture", where=digest[:80])
        return object_response(request, digest, content_type="image/png")


class CheckpointView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="model_cards_checkpoint", responses=OpenApiTypes.BINARY)
    def get(self, request: Request, id: uuid.UUID) -> HttpResponseBase:
        """The weights, as safetensors."""
        card = get_object_or_404(list_model_cards(request.user), pk=id)
        response = object_response(request, card.checkpoint_sha256)
        file_name = f"{card.name.replace('/', '-')}.safetensors"
        response["Content-Disposition"] = f'attachment; filename="{file_name}"'
        return response


class PredictionRunsView(generics.ListAPIView):
    serializer_class = PredictionRunSerializer
    queryset = PredictionRun.objects.none()

    def get_permissions(self) -> list[Any]:
        return [IsCurator()] if self.request.method == "POST" else [SignedIn()]

    def get_queryset(self) -> QuerySet[PredictionRun]:
        query = RunQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return list_prediction_runs(self.request.user).filter(**query.validated_data)

    @extend_schema(operation_id="prediction_runs_list", parameters=[RunQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Prediction runs, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="prediction_runs_create", request=NewPredictionRun, responses={202: PredictionRunSerializer}
    )
    def post(self, request: Request) -> Response:
        """Predict a campaign's images; a worker takes the order."""
        form = NewPredictionRun(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        card = list_model_cards(request.user).filter(pk=values.pop("model_card")).first()
        if card is None:
            raise ValidationError({"model_card": ["There is no such model card."]})
        require_own(request.user, values["campaign"].dataset)
        run = services.order_prediction(model_card=card, person=request.user, **values)
        return Response(PredictionRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class PredictionRunView(APIView):
    permission_classes = [SignedIn]

    @extend_schema(operation_id="prediction_runs_retrieve", responses=PredictionRunSerializer)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """One prediction run."""
        return Response(PredictionRunSerializer(get_object_or_404(list_prediction_runs(request.user), pk=id)).data)


class PredictionsView(generics.ListAPIView):
    permission_classes = [IsExpert]
    serializer_class = PredictionSerializer
    queryset = Prediction.objects.none()

    def get_queryset(self) -> QuerySet[Prediction]:
        query = PredictionQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return list_predictions(self.request.user).filter(**query.validated_data)

    @extend_schema(operation_id="predictions_list", parameters=[PredictionQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What checkpoints predicted, in order of image name."""
        return super().get(request, *args, **kwargs)


class PredictionZarrView(APIView):
    permission_classes = [IsExpert]

    @extend_schema(operation_id="predictions_zarr", responses=OpenApiTypes.BINARY)
    def get(self, request: Request, id: uuid.UUID, path: str) -> HttpResponseBase:
        """A file of the predicted label map."""
        return tree_file_response(request, get_object_or_404(list_predictions(request.user), pk=id).labels_sha256, path)
