"""How often one may try to sign in."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class PerPerson(SimpleRateThrottle):
    """Tries for one name from one address, so that a class of fifty behind one router can still sign in at once."""

    scope = "sign_in_person"

    def get_cache_key(self, request: Request, view: Any) -> str:
        name = str(request.data.get("username", ""))[:150].lower() if isinstance(request.data, dict) else ""
        return self.cache_format % {"scope": self.scope, "ident": f"{self.get_ident(request)} {name}".replace(" ", "~")}


class PerAddress(SimpleRateThrottle):
    """Tries from one address, whatever the names."""

    scope = "sign_in_address"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}
