from django.urls import path

from backend.consensus import views

urlpatterns = [
    path("consensus/", views.ConsensusListView.as_view()),
    path("consensus/<uuid:id>/zarr/<path:path>", views.ConsensusZarrView.as_view()),
    path("disagreements/", views.DisagreementListView.as_view()),
    path("disagreements/<uuid:id>/", views.DisagreementView.as_view()),
    path("disagreements/<uuid:id>/settle/", views.SettleView.as_view()),
    path("disagreements/<uuid:id>/given/<str:key>/zarr/<path:path>", views.DisagreementGivenView.as_view()),
    path("campaigns/<slug:lab>/<slug:slug>/preferences/", views.PreferencesView.as_view()),
]
