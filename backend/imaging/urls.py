from django.urls import path

from backend.imaging import upload_views, views

urlpatterns = [
    path("datasets/", views.DatasetsView.as_view()),
    path("datasets/<slug:lab>/<slug:slug>/", views.DatasetView.as_view()),
    path("images/", views.ImagesView.as_view()),
    path("images/<uuid:pk>/", views.ImageView.as_view()),
    path("images/<uuid:pk>/preview.png", views.PreviewView.as_view()),
    path("images/<uuid:pk>/zarr/<path:path>", views.ImageZarrView.as_view()),
    path("formats/", views.FormatsView.as_view()),
    path("layouts/", views.LayoutsView.as_view()),
    path("imports/", views.ImportsView.as_view()),
    path("imports/<uuid:pk>/", views.ImportView.as_view()),
    path("imports/<uuid:pk>/layout/", views.ImportLayoutView.as_view()),
    path("imports/<uuid:pk>/files/", views.ImportFilesView.as_view()),
    path("imports/<uuid:pk>/files.csv", views.ImportReportView.as_view()),
    path("uploads/", upload_views.UploadsView.as_view()),
    path("uploads/<uuid:pk>/", upload_views.UploadView.as_view()),
    path("uploads/<uuid:pk>/links/", upload_views.UploadLinksView.as_view()),
    path("uploads/<uuid:pk>/finish/", upload_views.UploadFinishView.as_view()),
]
