"""What the core's own addresses say."""

from __future__ import annotations

from rest_framework import serializers


class HealthParts(serializers.Serializer):
    database = serializers.CharField()
    objects = serializers.CharField()
    broker = serializers.CharField()
    cpu_worker = serializers.CharField()
    io_worker = serializers.CharField()
    gpu_worker = serializers.CharField()


class Health(serializers.Serializer):
    status = serializers.ChoiceField(choices=["ok", "degraded"])
    parts = HealthParts()
