"""Every refusal as RFC 9457 ``application/problem+json``, and the refusals that belong to no file or document."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response

from cellcommons import errors
from cellcommons.errors import CellCommonsError

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


#: A part that is away comes back: work that it interrupts is taken up again by a sweep, nothing is wrong with the work.
PART_AWAY = (errors.StoreUnusable, OperationalError, InterfaceError)


class DatabaseAway(CellCommonsError):
    """Postgres does not answer, or went away in the middle of a request."""

    code = "database-away"
    title = "The hub's database does not answer"


class WrongState(CellCommonsError):
    """The thing is not in a state that admits this."""

    code = "wrong-state"
    title = "That cannot be done in its present state"


class Conflict(CellCommonsError):
    """What the client knows and what the hub holds differ; ``extra`` says how."""

    code = "conflict"
    title = "The hub holds something else"

    def __init__(self, what: str, *, where: str = "", remedy: str = "", extra: dict[str, Any] | None = None) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.extra = extra or {}


class LeaseExpired(CellCommonsError):
    """The lease ended and someone else may hold the slot."""

    code = "lease-expired"
    title = "The lease of this assignment has ended"


class NotAllowed(CellCommonsError):
    """The person may not do this to this thing."""

    code = "not-allowed"
    title = "You are not allowed to do that"


class NotValid(CellCommonsError):
    """A field of the request holds a bad value."""

    code = "not-valid"
    title = "The request is not valid"


STATUS: dict[type[CellCommonsError], int] = {
    errors.TooLarge: status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    errors.AlreadyThere: status.HTTP_409_CONFLICT,
    errors.NotFound: status.HTTP_404_NOT_FOUND,
    errors.Withdrawn: status.HTTP_410_GONE,
    # The hub's own bytes are damaged; nothing the client sent is at fault.
    errors.DigestMismatch: status.HTTP_500_INTERNAL_SERVER_ERROR,
    errors.DiskFull: status.HTTP_507_INSUFFICIENT_STORAGE,
    errors.StoreUnusable: status.HTTP_503_SERVICE_UNAVAILABLE,
    DatabaseAway: status.HTTP_503_SERVICE_UNAVAILABLE,
    WrongState: status.HTTP_409_CONFLICT,
    Conflict: status.HTTP_409_CONFLICT,
    LeaseExpired: status.HTTP_409_CONFLICT,
    NotAllowed: status.HTTP_403_FORBIDDEN,
}

# DRF's refusals in the protocol's words: code, title.
_DRF: list[tuple[type[exceptions.APIException], str, str]] = [
    (exceptions.NotAuthenticated, "not-signed-in", "You are not signed in"),
    (exceptions.AuthenticationFailed, "not-signed-in", "You are not signed in"),
    (exceptions.PermissionDenied, "not-allowed", "You are not allowed to do that"),
    (exceptions.NotFound, "not-found", "It does not exist"),
    (exceptions.MethodNotAllowed, "not-allowed", "That method is not allowed here"),
    (exceptions.UnsupportedMediaType, "not-valid", "The request's media type is not supported"),
    (exceptions.Throttled, "too-many-requests", "Too many requests"),
    (exceptions.APIException, "not-valid", "The request is not valid"),
]


def problem(
    code: str, title: str, status_code: int, detail: str = "", *, where: str = "", remedy: str = "", **extra: Any
) -> dict[str, Any]:
    """The document."""
    return {
        "type": f"urn:cellcommons:{code}",
        "title": title,
        "status": status_code,
        "detail": detail,
        "where": where,
        "remedy": remedy,
        **extra,
    }


def status_of(error: CellCommonsError) -> int:
    """HTTP status of a refusal: that of the nearest class listed in ``STATUS``, else 400."""
    return next((STATUS[cls] for cls in type(error).__mro__ if cls in STATUS), status.HTTP_400_BAD_REQUEST)


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. ``None`` for what is not a refusal: Django then logs it and calls ``server_fault``."""
    headers = {"Cache-Control": "no-store"}  # what is refused now may be there in a minute, and the other way round
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(error.message_dict if hasattr(error, "error_dict") else error.messages)
    elif isinstance(error, RequestDataTooBig):
        error = errors.TooLarge("the request's body is above the hub's limit", remedy="Send it in smaller parts.")

    if isinstance(error, errors.StoreUnusable):
        # Where the objects lie is the operator's business.
        log.error("the object store cannot be used: %s", error.line())
        error = errors.StoreUnusable(
            "its object store does not work at the moment; nothing was half written",
            remedy="Try again in a while; if it stays, tell the hub's operator.",
        )
    if isinstance(error, (OperationalError, InterfaceError)):
        log.error("the database cannot be used: %s", error)
        error = DatabaseAway(
            "its database does not answer at the moment; nothing was half written",
            remedy="Try again in a while; if it stays, tell the hub's operator.",
        )
    if isinstance(error, CellCommonsError):
        if status_of(error) == status.HTTP_503_SERVICE_UNAVAILABLE:
            headers["Retry-After"] = "5"
        body = problem(
            error.code,
            error.title,
            status_of(error),
            error.what,
            where=error.where,
            remedy=error.remedy,
            **getattr(error, "extra", {}),
        )
    elif isinstance(error, exceptions.APIException):
        code, title = next((code, title) for cls, code, title in _DRF if isinstance(error, cls))
        if challenge := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(int(wait) + 1)
        if isinstance(error, exceptions.ValidationError):
            fields = error.detail if isinstance(error.detail, dict) else {"": error.detail}
            body = problem(code, title, error.status_code, _first_message(fields), errors=fields)
        else:
            body = problem(code, title, error.status_code, str(error.detail))
    else:
        return None
    return Response(body, status=body["status"], headers=headers, content_type=MEDIA_TYPE)


def _first_message(fields: dict[str, Any]) -> str:
    """``field: message`` of the first field at fault, for clients that show only ``detail``."""
    for name, messages in fields.items():
        while isinstance(messages, (list, dict)) and messages:
            messages = next(iter(messages.values())) if isinstance(messages, dict) else messages[0]
        return f"{name}: {messages}" if name and name != "non_field_errors" else str(messages)
    return ""


def _plain(body: dict[str, Any]) -> HttpResponse:
    return JsonResponse(body, status=body["status"], content_type=MEDIA_TYPE)


def no_such_route(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """404 for an address of the API that does not exist."""
    detail = "there is no such address in this API"
    return _plain(
        problem("not-found", "It does not exist", 404, detail, where=request.path, remedy="See /api/schema/.")
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400 for what Django refuses before a view sees it."""
    return _plain(problem("not-valid", "The request is not valid", 400, "the request was refused", where=request.path))


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 where the CSRF token is missing or old."""
    detail = "the CSRF token is missing or old"
    remedy = "Fetch auth/me/ and send its csrf_token as X-CSRFToken."
    return _plain(problem("not-allowed", "You are not allowed to do that", 403, detail, remedy=remedy))


def server_fault(request: HttpRequest) -> HttpResponse:
    """500 that tells nothing of the hub's insides; the log has the rest."""
    return _plain(
        problem(
            "server-fault",
            "The hub failed",
            500,
            "an unexpected fault; nothing was half written",
            where=request.path,
            remedy="Try again; if it stays, ask the hub's operator to look into its log.",
        )
    )
