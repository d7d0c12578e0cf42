"""Signing in, tokens, roles, and the operator."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from backend.people.models import Person, Role

PASSWORD = "seven-hungry-owls"


@pytest.mark.django_db
def test_a_browser_signs_in_and_out(annotator: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    me = client.get("/api/v1/auth/me/").json()
    assert me["user"] is None

    def post(path: str, token: str, **body: str) -> Any:
        return client.post(path, json.dumps(body), "application/json", headers={"X-CSRFToken": token})

    signed_in = post("/api/v1/auth/sign-in/", me["csrf_token"], username="annotator", password=PASSWORD)
    assert signed_in.status_code == 200
    assert signed_in.json()["user"] == {
        "id": str(annotator.pk), "username": "annotator", "role": "annotator", "display_name": "",
    }  # fmt: skip
    cookie = client.cookies["cellcommons_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert client.get("/api/v1/auth/me/").json()["user"]["username"] == "annotator"
    assert post("/api/v1/auth/sign-out/", "old").status_code == 403
    assert post("/api/v1/auth/sign-out/", signed_in.json()["csrf_token"]).status_code == 204
    assert client.get("/api/v1/auth/me/").json()["user"] is None


@pytest.mark.django_db
def test_wrong_credentials_say_not_which(annotator: Person) -> None:
    client = APIClient()
    answers = [
        client.post("/api/v1/auth/token/", {"username": name, "password": password})
        for name, password in [("annotator", "wrong"), ("nobody", PASSWORD)]
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].data == answers[1].data


@pytest.mark.django_db
def test_a_token_is_a_key(annotator: Person) -> None:
    client = APIClient()
    token = client.post("/api/v1/auth/token/", {"username": "annotator", "password": PASSWORD}).data["token"]
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.get("/api/v1/auth/me/").data["user"]["username"] == "annotator"
    client.credentials(HTTP_AUTHORIZATION="Token wrong")
    assert client.get("/api/v1/datasets/").status_code == 401


@pytest.mark.django_db
def test_guessing_is_slowed_down_for_one_name_only(annotator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.people.throttles.PerPerson.rate", "3/min", raising=False)
    client = APIClient()
    codes = [
        client.post("/api/v1/auth/token/", {"username": "annotator", "password": "wrong"}).status_code for _ in range(4)
    ]
    assert codes == [400, 400, 400, 429]
    refused = client.post("/api/v1/auth/token/", {"username": "Annotator", "password": PASSWORD})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert client.post("/api/v1/auth/token/", {"username": "other", "password": "wrong"}).status_code == 400


@pytest.mark.django_db
def test_curators_make_people(curator: Person, expert: Person, client_of: Callable[..., APIClient]) -> None:
    client = client_of(curator)
    form = {"username": "ada", "password": PASSWORD, "role": "expert", "display_name": "Ada"}
    made = client.post("/api/v1/people/", form)
    assert made.status_code == 201
    assert made.data["display_name"] == "Ada"
    assert "password" not in made.data
    assert client.post("/api/v1/people/", form | {"username": "ADA"}).status_code == 409
    weak = client.post("/api/v1/people/", form | {"username": "bob", "password": "12345678"})
    assert weak.status_code == 400
    assert weak.data["where"] == "password"
    assert client.post("/api/v1/people/", form | {"username": "b ob"}).status_code == 400
    assert [row["username"] for row in client.get("/api/v1/people/").data["results"]] == ["ada", "curator", "expert"]
    assert client_of(expert).post("/api/v1/people/", form).status_code == 403


def test_roles_rise() -> None:
    for index, role in enumerate(Role):
        person = Person(role=role)
        assert [person.is_at_least(other) for other in Role] == [number <= index for number in range(3)]


@pytest.mark.django_db
def test_the_operator_is_made_once(settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings.HUB_HOME = tmp_path
    call_command("create_operator")
    line = capsys.readouterr().out.strip()
    accounts = tmp_path / "accounts.json"
    account = json.loads(accounts.read_text())["curator"]
    assert line == f"sign in as curator with password {account['password']}"
    assert stat.S_IMODE(accounts.stat().st_mode) == 0o600
    operator = Person.objects.get()
    assert operator.check_password(account["password"])
    assert operator.is_at_least(Role.CURATOR)
    call_command("create_operator")
    assert "already" in capsys.readouterr().out
    assert json.loads(accounts.read_text())["curator"] == account
