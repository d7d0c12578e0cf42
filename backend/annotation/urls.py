from django.urls import path

from backend.annotation import views

urlpatterns = [
    path("campaigns/", views.CampaignsView.as_view()),
    path("campaigns/<slug:lab>/<slug:slug>/", views.CampaignView.as_view()),
    path("campaigns/<slug:lab>/<slug:slug>/open/", views.OpenView.as_view()),
    path("campaigns/<slug:lab>/<slug:slug>/close/", views.CloseView.as_view()),
    path("campaigns/<slug:lab>/<slug:slug>/assignments/next/", views.NextAssignmentView.as_view()),
    path("assignments/", views.AssignmentsView.as_view()),
    path("assignments/<uuid:pk>/", views.AssignmentView.as_view()),
    path("assignments/<uuid:pk>/heartbeat/", views.HeartbeatView.as_view()),
    path("assignments/<uuid:pk>/edits/", views.EditsView.as_view()),
    path("assignments/<uuid:pk>/submit/", views.SubmitView.as_view()),
    path("assignments/<uuid:pk>/return/", views.ReturnView.as_view()),
    path("assignments/<uuid:pk>/proposal/", views.ProposalView.as_view()),
    path("assignments/<uuid:pk>/draft/zarr/<path:path>", views.DraftZarrView.as_view()),
    path("assignments/<uuid:pk>/given/<slug:key>/zarr/<path:path>", views.GivenZarrView.as_view()),
]
