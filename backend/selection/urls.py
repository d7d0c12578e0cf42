from django.urls import path

from backend.selection import views

urlpatterns = [
    path("campaigns/<slug:lab>/<slug:slug>/rounds/", views.CampaignRoundsView.as_view()),
    path("rounds/", views.RoundListView.as_view()),
    path("rounds/<uuid:id>/", views.RoundView.as_view()),
]
