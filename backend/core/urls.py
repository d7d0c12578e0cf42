from django.urls import path

from backend.core.views import HealthView

urlpatterns = [path("health/", HealthView.as_view())]
