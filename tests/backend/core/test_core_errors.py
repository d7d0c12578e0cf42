"""Every refusal is a problem document, and a fault tells nothing of the hub's insides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from backend.core import errors
from backend.people.models import Person
from cellcommons.errors import AlreadyThere, CellCommonsError, DigestMismatch, NotFound, TooLarge, UnreadableFile

FIELDS = {"type", "title", "status", "detail", "where", "remedy"}


def check_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    body = response.json()
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert body.keys() >= FIELDS
    assert body["type"] == f"urn:cellcommons:{code}"
    assert body["status"] == status
    return body


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnreadableFile("x"), 400),
        (TooLarge("x"), 413),
        (AlreadyThere("x"), 409),
        (NotFound("x"), 404),
        (DigestMismatch("x"), 500),
        (errors.WrongState("x"), 409),
        (errors.Conflict("x"), 409),
        (errors.LeaseExpired("x"), 409),
        (errors.NotAllowed("x"), 403),
        (errors.NotValid("x"), 400),
    ],
)
def test_statuses(error: CellCommonsError, status: int) -> None:
    assert errors.status_of(error) == status


def test_what_where_remedy_and_extra_are_shown() -> None:
    error = errors.Conflict("it differs", where="tile 3", remedy="Replay.", extra={"edit_count": 4})
    response = errors.problem_response(error, {})
    assert response is not None
    assert response.data == {
        "type": "urn:cellcommons:conflict",
        "title": "The hub holds something else",
        "status": 409,
        "detail": "it differs",
        "where": "tile 3",
        "remedy": "Replay.",
        "edit_count": 4,
    }


@pytest.mark.django_db
def test_refusals_over_http(curator: Person, annotator: Person, client_of: Callable[..., APIClient]) -> None:
    check_problem(client_of(None).get("/api/v1/people/"), 401, "not-signed-in")
    check_problem(client_of(annotator).get("/api/v1/people/"), 403, "not-allowed")
    client = client_of(curator)
    check_problem(client.get("/api/v1/no/such/thing/"), 404, "not-found")
    check_problem(client.get("/api/v1/datasets/commons/none/"), 404, "not-found")
    check_problem(client.delete("/api/v1/people/"), 405, "not-allowed")
    check_problem(client.post("/api/v1/people/", "<xml/>", content_type="text/xml"), 415, "not-valid")
    check_problem(client.post("/api/v1/people/", "{", content_type="application/json"), 400, "not-valid")
    body = check_problem(client.post("/api/v1/people/", {"username": "x"}), 400, "not-valid")
    assert set(body["errors"]) == {"password", "role"}
    assert body["detail"].startswith("password: ")


@pytest.mark.django_db
def test_a_fault_says_nothing_of_the_inside(
    curator: Person, client_of: Callable[..., APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(**_: Any) -> None:
        raise RuntimeError("secret detail of table people")

    monkeypatch.setattr("backend.people.services.create_person", break_down)
    client = client_of(curator)
    client.raise_request_exception = False
    form = {"username": "ada", "password": "seven-hungry-owls", "role": "annotator"}
    response = client.post("/api/v1/people/", form)
    check_problem(response, 500, "server-fault")
    assert "secret" not in response.content.decode()
    assert "Traceback" not in response.content.decode()


def test_a_body_above_the_limit(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = APIClient().post("/api/v1/auth/token/", {"username": "a" * 200, "password": "b"})
    check_problem(response, 413, "too-large")


@pytest.mark.django_db
def test_an_upload_above_the_limit_is_stopped_while_it_arrives(
    settings: Any, curator: Person, client_of: Callable[..., APIClient]
) -> None:
    settings.ARCHIVE_LIMIT_BYTES = 1000
    upload = SimpleUploadedFile("big.png", b"x" * 5000)
    response = client_of(curator).post("/api/v1/weights/", {"file": upload}, format="multipart")
    check_problem(response, 413, "too-large")


@pytest.mark.django_db
def test_a_missing_csrf_token(curator: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/api/v1/auth/sign-in/", {"username": "a", "password": "b"}, "application/json")
    body = check_problem(response, 403, "not-allowed")
    assert "X-CSRFToken" in body["remedy"]
