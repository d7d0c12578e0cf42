"""Every address is closed unless it is on the list; the OpenAPI document has no warning and says all."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver
from rest_framework.test import APIClient

# Open to anyone, and why.
OPEN = {
    ("get", "/api/v1/health/"): "a monitor has no account",
    ("get", "/api/v1/auth/me/"): "tells a stranger that he is one",
    ("post", "/api/v1/auth/sign-in/"): "the way in",
    ("post", "/api/v1/auth/token/"): "the way in for clients",
    # Published releases are readable by anyone.
    ("get", "/api/v1/releases/"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/images/"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/diff/"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/diff/{comparison}/{name}"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/images/{image}/"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/images/{image}/preview.png"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/images/{image}/{name}.ome.zarr/{path}"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/files/"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/files/{path}"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/manifest"): "published",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/signature"): "published",
    ("post", "/api/v1/releases/{lab}/{slug}/{version}/objects/"): "published; reads only",
    ("get", "/api/v1/keys/"): "whoever checks a signature",
    ("get", "/api/v1/releases/{lab}/{slug}/{version}/objects/sha256/{aa}/{bb}/{digest}"): "published",
}
SAMPLES = {"uuid": "6f1f0c5e-9f3c-4a51-8b3a-0d8a7f0b7a11", "slug": "some-slug", "int": "1", "version": "1"}


def _routes(resolver: URLResolver, prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += _routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            found.append((route, pattern.callback))
    return found


API = [(route, view) for route, view in _routes(get_resolver()) if route.startswith("api/v1/")]
METHODS = ("get", "post", "put", "patch", "delete")


def _cases() -> list[tuple[str, str, str]]:
    cases = []
    for route, view in API:
        shown = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
        real = "/" + re.sub(r"<(?:(\w+):)?(\w+)>", lambda m: SAMPLES.get(m[1] or "str", "a" * 64), route)
        cases += [(method, shown, real) for method in METHODS if hasattr(view.view_class, method)]
    return cases


def test_there_are_routes() -> None:
    assert len(API) > 40
    known = {(method, shown) for method, shown, _ in _cases()}
    assert set(OPEN) <= known, "the list names routes that do not exist"


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "shown", "real"), _cases(), ids=lambda value: str(value))
def test_a_stranger_is_refused(method: str, shown: str, real: str) -> None:
    response = getattr(APIClient(), method)(real, data={} if method != "get" else None)
    if (method, shown) in OPEN:
        assert response.status_code not in (401, 403)
    else:
        assert response.status_code == 401
        assert response.json()["type"] == "urn:cellcommons:not-signed-in"


@pytest.fixture(scope="module")
def schema() -> str:
    """The document; generating it raises on any warning."""
    out = io.StringIO()
    call_command("spectacular", "--format", "openapi-json", "--fail-on-warn", "--validate", stdout=out)
    return out.getvalue()


def test_the_openapi_document_has_no_warning_and_good_names(schema: str) -> None:
    # An enum whose name clashes gets a suffix of hex digits.
    assert not re.findall(r'"\w+[0-9A-F]{3}Enum"', schema)
    assert '"Problem"' in schema
    for name in ("Me", "Person", "Campaign", "Image", "Assignment", "Edit", "Tile", "Draft", "Progress"):
        assert f'"#/components/schemas/{name}"' in schema
    ids = re.findall(r'"operationId": ?"(\w+)"', schema)
    assert len(ids) == len(set(ids)) > 40
    assert not [name for name in ids if name.startswith("api_") or name.endswith("_2")]


@pytest.mark.django_db
def test_the_schema_is_served() -> None:
    response = APIClient().get("/api/schema/")
    assert response.status_code == 200
    assert b"/api/v1/campaigns/" in response.content
