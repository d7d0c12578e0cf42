"""How a request says who it is: an ``Authorization: Token`` header, else the session cookie."""

from __future__ import annotations

from rest_framework import authentication
from rest_framework.request import Request


class TokenAuthentication(authentication.TokenAuthentication):
    """``Authorization: Token <token>``; its challenge makes an anonymous refusal a 401, not a 403."""


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's session, with CSRF checked on every unsafe call."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"
