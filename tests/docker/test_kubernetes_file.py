"""docker/kubernetes.yaml says the same as the compose file, in Kubernetes' words."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_file import DOCKER, compose

from backend.settings.environment import Environment

ITEMS: list[dict[str, Any]] = yaml.safe_load((DOCKER / "kubernetes.yaml").read_text())["items"]
SETTINGS = next(item for item in ITEMS if item["kind"] == "ConfigMap")["data"]


def pods() -> dict[str, dict[str, Any]]:
    return {
        item["metadata"]["name"].removeprefix("hub-"): item["spec"]["template"]["spec"]
        for item in ITEMS
        if item["kind"] in ("Deployment", "Job")
    }


def test_the_same_commands_and_variables_as_in_the_compose_file() -> None:
    services = compose()["services"]
    found = pods()
    assert found.keys() == {"web", "cpu", "io", "gpu", "setup"}
    for name, pod in found.items():
        (container,) = pod["containers"]
        if name == "setup":
            assert container["command"][2].split("; ") == services["setup"]["command"][2].strip().splitlines()
        else:
            assert container["command"] == services[name]["command"], name
        assert container["image"] == services[name]["image"]
        given = {row["name"] for row in container["env"]} | (SETTINGS.keys() if "envFrom" in container else set())
        assert given <= services[name]["environment"].keys(), name
        assert {n for n in services[name]["environment"] if n.endswith("_FILE")} == {
            n for n in given if n.endswith("_FILE")
        }
    env = Environment(SETTINGS)
    assert env.store("OBJECTS_URL").startswith("s3://")
    assert env.flag("HUB_HTTPS", False) is True


def test_pods_are_locked_down_and_see_only_their_secrets() -> None:
    declared = compose()["services"]
    for name, pod in pods().items():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert name == "setup" or "livenessProbe" in container
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
        keys = {row["key"] for row in volumes["secrets"]["secret"]["items"]}
        assert keys == set(declared[name]["secrets"]), name
        read = {Path(row["value"]).name for row in container["env"] if row["name"].endswith("_FILE")}
        assert read == keys


@pytest.mark.skipif(
    importlib.util.find_spec("kubernetes_validate") is None,
    reason="kubernetes-validate (72 MB of schemas) is installed by hand where this file changes",
)
def test_kubernetes_own_schemas_accept_it() -> None:
    import kubernetes_validate

    for item in ITEMS:
        kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)
