from django.urls import path

from backend.modelzoo import views, visibility_views

urlpatterns = [
    path("datasets/<slug:lab>/<slug:slug>/visibility/", visibility_views.VisibilityView.as_view()),
    path("training-runs/", views.TrainingRunsView.as_view()),
    path("training-runs/<uuid:id>/", views.TrainingRunView.as_view()),
    path("training-runs/<uuid:id>/cancel/", views.CancelTrainingView.as_view()),
    path("training-runs/<uuid:id>/resume/", views.ResumeTrainingView.as_view()),
    path("training-runs/<uuid:id>/events/", views.TrainingEventsView.as_view()),
    path("weights/", views.WeightsView.as_view()),
    path("model-cards/", views.ModelCardsView.as_view()),
    path("model-cards/<uuid:id>/", views.ModelCardView.as_view()),
    path("model-cards/<uuid:id>/pictures/<str:digest>.png", views.ModelCardPictureView.as_view()),
    path("model-cards/<uuid:id>/checkpoint", views.CheckpointView.as_view()),
    path("prediction-runs/", views.PredictionRunsView.as_view()),
    path("prediction-runs/<uuid:id>/", views.PredictionRunView.as_view()),
    path("predictions/", views.PredictionsView.as_view()),
    path("predictions/<uuid:id>/zarr/<path:path>", views.PredictionZarrView.as_view()),
]
