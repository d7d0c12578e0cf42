"""What is a lab's alone answers everybody else exactly as what does not exist: every address, derived from the urlconf.

A route that is new here fails until somebody says what stands for its parameters, and what is sent to it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from hidden import API, LAB, METHODS, ROUTES, Clients, Things, elsewhere, filled, said, send, strangers

from backend.imaging.models import Dataset, Image
from backend.people.models import Person

# What is sent where an address alone names the thing; elsewhere an empty form reaches the point of being refused.
FORMS: dict[str, dict[str, Any]] = {
    "releases/<slug:lab>/<slug:slug>/<version:version>/withdrawal/": {"reason": "none"},
    "labs/<slug:lab>/members/": {"username": "curator"},
    "imports/<uuid:pk>/layout/": {"layout": "plain"},
    "disagreements/<uuid:id>/settle/": {"nothing": True},
    "campaigns/<slug:lab>/<slug:slug>/rounds/": {"strategy": "random"},
    "datasets/<slug:lab>/<slug:slug>/visibility/": {"visibility": "hub", "opens": 2},
    "datasets/<slug:lab>/<slug:slug>/releases/": {"campaign": f"{LAB}/round-one"},
    "assignments/<uuid:pk>/edits/": {"edits": []},
    "assignments/<uuid:pk>/submit/": {"edit_count": 0, "labels_sha256": "0" * 64, "active_seconds": 1},
}
# Addresses without parameters that a form can point from at private things: the form, and which of its fields do.
POINTING: dict[str, tuple[dict[str, Any], str]] = {
    "uploads/": ({"purpose": "image", "name": "x.png", "size": 4, "sha256": "0" * 64}, "dataset"),
    "campaigns/": ({"slug": "c", "title": "C", "task": "instance_segmentation", "readings_needed": 1}, "dataset"),
    "training-runs/": ({}, "release"),
    "prediction-runs/": ({"campaign": "commons/open"}, "model_card"),
    "people/": ({"username": "new", "password": "seven-hungry-owls", "role": "annotator"}, "lab"),
    "datasets/": ({"slug": "fresh", "title": "Fresh"}, "lab"),
}
# Those that take nothing that could.
INNOCENT = {"auth/sign-in/", "auth/sign-out/", "auth/token/", "labs/", "weights/"}
# Those with nothing to show here: no hub key, nothing given beside the image, no pairs to prefer.
MUTE = {
    "releases/<slug:lab>/<slug:slug>/<version:version>/signature",
    "assignments/<uuid:pk>/given/<slug:key>/zarr/<path:path>",
    "disagreements/<uuid:id>/given/<str:key>/zarr/<path:path>",
    "campaigns/<slug:lab>/<slug:slug>/preferences/",
}
# What a list may be narrowed by, and what names something private there.
FILTERS = {"dataset": "dataset", "campaign": "campaign", "run": "prediction_run", "against": "reference"}
HARMLESS = {"page", "page_size", "search", "stratum", "state", "outcome", "kind", "format"}


def test_addresses(things: Things, curator: Person, outsider: Person, client_of: Clients) -> None:
    leaks, answering = [], set()
    for route, view in ROUTES:
        if "<" not in route:
            continue
        for values in things.of(route):
            nothing = elsewhere(route, values)
            for method in (name for name in METHODS if hasattr(view, name)):
                form = FORMS.get(route, {}) if method in ("post", "put", "patch") else None
                for who, client in strangers(outsider, client_of).items():
                    real = said(send(client, method, filled(route, values), form), *values.values())
                    random = said(send(client, method, filled(route, nothing), form), *nothing.values())
                    if real != random:
                        leaks.append((who, method, filled(route, values), real[:2], random[:2]))
            # The address is a real one: to whom it belongs it says something else.
            mine = client_of(Person.objects.get(username="member") if route.startswith("assignments/") else curator)
            if hasattr(view, "get") and send(mine, "get", filled(route, values)).status_code < 400:
                answering.add(route)
    assert not leaks, "\n".join(map(str, leaks))
    served = {route for route, view in ROUTES if "<" in route and hasattr(view, "get")}
    assert served - answering == MUTE, "these say nothing to their owner either: the walk proves nothing of them"


def test_lists_counts_and_filters(
    things: Things, dataset: Dataset, outsider: Person, client_of: Clients, curator: Person
) -> None:
    hidden = [things.image, things.comparison, things.draft, *things.records.values(), *things.references.values()]
    seen = 0
    for route, view in ROUTES:
        if "<" in route or not hasattr(view, "get") or route.startswith(("health", "auth")):
            continue
        seen += any(word in send(client_of(curator), "get", API + route).content.decode() for word in hidden)
        for who, client in strangers(outsider, client_of).items():
            answer = send(client, "get", API + route)
            text = answer.content.decode()
            assert not [word for word in hidden if word in text], (who, route)
            assert answer.status_code == 401 or answer.json() in ([], *_empty(answer)) or _innocent(route), (who, route)
            for name in _filters(route):
                real = said(send(client, "get", f"{API}{route}?{name}={things.references[FILTERS[name]]}"))
                other = str(uuid.uuid4()) if name == "run" else "nobody/nothing"
                random = said(send(client, "get", f"{API}{route}?{name}={other}"))
                assert real == random, (who, route, name)
    assert seen >= 9


def _empty(answer: Any) -> list[Any]:
    body = answer.json()
    return [body] if isinstance(body, dict) and body.get("count") == 0 else []


def _innocent(route: str) -> bool:
    """Lists of what is the hub's: nothing of a dataset is in them, which the words looked for show."""
    return route in {"labs/", "people/", "layouts/", "formats/", "keys/", "weights/"}


def _filters(route: str) -> list[str]:
    from drf_spectacular.generators import SchemaGenerator  # heavy, and of these tests alone

    global _DOCUMENT
    _DOCUMENT = _DOCUMENT or SchemaGenerator().get_schema(request=None, public=True)
    listed = _DOCUMENT["paths"][f"/{API.strip('/')}/{route}"]["get"].get("parameters", [])
    names = [parameter["name"] for parameter in listed if parameter["in"] == "query"]
    assert set(names) <= set(FILTERS) | HARMLESS, f"say in this test what {set(names)} of {route} may name"
    return [name for name in names if name in FILTERS]


_DOCUMENT: Any = None


def test_forms_that_point_at_private_things(
    things: Things, outsider: Person, client_of: Clients, tmp_path: Path, make_image: Callable[..., Image]
) -> None:
    """Sent by a curator whose own lab has a dataset and a campaign of the same slugs, which nothing prevents."""
    client = client_of(outsider)
    for slug in ("cells", "open"):
        assert client.post(f"{API}datasets/", {"slug": slug, "title": "Mine"}).status_code == 201
    order = {"title": "Mine", "task": "instance_segmentation", "readings_needed": 1, "dataset": "commons/cells"}
    for slug in ("round-one", "open"):
        assert client.post(f"{API}campaigns/", order | {"slug": slug}).status_code == 201
    posts = {route for route, view in ROUTES if hasattr(view, "post") and "<" not in route}
    assert posts == set(POINTING) | INNOCENT, "say in this test what the new form can point at"
    for route, (form, field) in POINTING.items():
        answers = []
        for value in (things.references[field], _nothing(field)):
            body = dict(form) | {field: value}
            if "file" in body:
                body["file"] = SimpleUploadedFile("x.png", b"\x89PNG")
            kind = "multipart" if "file" in form else "json"
            answers.append(said(client.post(API + route, body, format=kind), value))
        assert answers[0] == answers[1], route
        assert answers[0][0] in (400, 404), (route, answers[0])
    pointing = {
        "datasets/commons/cells/releases/": ("campaign", {}),
        "campaigns/commons/open/rounds/": ("prediction_run", {"strategy": "uncertainty"}),
        "training-runs/": ("start_from", {"release": "commons/cells@1"}),
    }
    for path, (field, form) in pointing.items():
        known = things.references | {"start_from": things.references["model_card"]}
        answers = [
            said(client.post(API + path, form | {field: value}, format="json"), value)
            for value in (known[field], _nothing(field))
        ]
        assert answers[0] == answers[1], path


def _nothing(field: str) -> str:
    names = {"dataset": "nobody/nothing", "campaign": "nobody/nothing", "release": "nobody/nothing@1.0.0"}
    return names.get(field, str(uuid.uuid4()))
