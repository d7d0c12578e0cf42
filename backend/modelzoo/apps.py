from django.apps import AppConfig


class ModelzooConfig(AppConfig):
    name = "backend.modelzoo"
    label = "modelzoo"
