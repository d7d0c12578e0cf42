"""Every address of the hub, and the private things that its parameters can name."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver
from rest_framework.test import APIClient

from backend.people.models import Person

LAB = "hidden"
API = "/api/v1/"
METHODS = ("get", "head", "options", "post", "put", "patch", "delete")
Clients = Callable[[Person | None], APIClient]


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


ROUTES = [
    (route.removeprefix("api/v1/"), callback.view_class)
    for route, callback in _patterns(get_resolver())
    if route.startswith("api/v1/")
]


@dataclass(frozen=True)
class Things:
    """Everything private that an address can name, by its parameter."""

    image: str
    records: dict[str, str]  # first part of an address -> id
    comparison: str
    digest: str
    picture: str
    draft: str
    references: dict[str, str]  # name of a filter or field -> value

    def of(self, route: str) -> list[dict[str, str]]:
        """Values for the parameters of ``route``; several sets where several things answer there."""
        kind, version = route.split("/")[0], ("1.0.0", "1", "draft", self.draft)
        slug = "round-one" if kind == "campaigns" else "cells"
        known = {
            "lab": LAB, "slug": slug, "username": "member", "image": self.image, "comparison": self.comparison,
            "name": "diff.json", "path": "zarr.json", "key": "cells", "aa": self.digest[:2], "bb": self.digest[2:4],
            "digest": self.digest if kind == "releases" else self.picture,
            "pk": self.records.get(kind, ""), "id": self.records.get(kind, ""),
        }  # fmt: skip
        if route.endswith(".ome.zarr/<path:path>"):
            known["name"] = "image"
        if route.endswith("files/<path:path>"):
            known["path"] = "splits.json"
        names = re.findall(r"<(?:\w+:)?(\w+)>", route)
        sets = [known | {"version": one} for one in version] if "version" in names else [known]
        for name in names:
            assert sets[0].get(name), f"say in this test what stands for {name!r} of {route}"
        return [{name: values[name] for name in names} for values in sets]


def filled(route: str, values: dict[str, str]) -> str:
    return API + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: values[match[1]], route)


def elsewhere(route: str, values: dict[str, str]) -> dict[str, str]:
    """The same address of nothing: names and ids that no row has."""
    strange = {"lab": "nobody", "slug": "nothing", "image": str(uuid.uuid4()), "comparison": str(uuid.uuid4())}
    strange |= {"pk": str(uuid.uuid4()), "id": str(uuid.uuid4()), "digest": "ab" * 32, "aa": "ab", "bb": "ab"}
    changed = {name: strange.get(name, value) for name, value in values.items()}
    if "version" in values and re.fullmatch(r"[0-9a-f-]{36}", values["version"]):
        changed["version"] = str(uuid.uuid4())
    return changed


def said(response: Any, *asked: str) -> tuple[Any, ...]:
    """All of an answer, what was asked for being blanked out: whoever asks knows that."""
    body = response.content if not response.streaming else b"<stream>"
    for word in sorted(asked, key=len, reverse=True):
        body = body.replace(word.encode(), b"*")
    headers = {name: value for name, value in response.items() if name not in ("Content-Length", "Set-Cookie")}
    return response.status_code, body, headers


def send(client: APIClient, method: str, url: str, form: Any = None) -> Any:
    return client.generic(method.upper(), url) if form is None else getattr(client, method)(url, form, format="json")


def strangers(outsider: Person, client_of: Clients) -> dict[str, APIClient]:
    return {"a curator of another lab": client_of(outsider), "somebody not signed in": client_of(None)}
