"""The address of an S3 store: ``s3://bucket/prefix?endpoint=...&region=...&path_style=yes``; no secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from cellcommons.errors import InvalidDocument

EXAMPLE = "Use s3://bucket/prefix?endpoint=https://host:9000&region=eu-central-1."
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*")
_REGION = re.compile(r"[a-z0-9-]{2,40}")


@dataclass(frozen=True)
class S3Address:
    """Where objects are kept.

    Attributes:
        prefix: what every key begins with, ``""`` or ending in ``/``.
        endpoint: ``http(s)://host:port`` of the server; None is Amazon's own.
        region: None leaves it to ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the profile.
        path_style: the bucket stands in the path, not in the host's name; so unless told otherwise with an endpoint.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    path_style: bool = False

    @property
    def url(self) -> str:
        """The address as text, which ``parse_address`` reads back."""
        words = {"endpoint": self.endpoint, "region": self.region}
        query = {key: word for key, word in words.items() if word}
        if self.path_style != bool(self.endpoint):
            query["path_style"] = "yes" if self.path_style else "no"
        address = f"s3://{self.bucket}/{quote(self.prefix.rstrip('/'))}".rstrip("/")
        return f"{address}?{urlencode(query, safe=':/')}" if query else address


def parse_address(url: str) -> S3Address:
    """Parse the URL of an S3 store.

    Raises:
        InvalidDocument: not such a URL, or one that holds a name and password (which are not repeated).
    """
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise InvalidDocument(
            "the address of an S3 store holds no credentials",
            where="s3://",
            remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead.",
        )
    # What is wrong in the query may be a secret someone put there: it is not repeated.
    where = f"s3://{parts.netloc}{parts.path}"
    prefix = unquote(parts.path).strip("/")
    bad_prefix = prefix and (not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")))
    if parts.scheme != "s3" or parts.fragment or not _BUCKET.fullmatch(parts.netloc) or bad_prefix:
        raise InvalidDocument("not the address of an S3 store", where=where, remedy=EXAMPLE)
    try:
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise InvalidDocument("the part after ? cannot be read", where=where, remedy=EXAMPLE) from None
    if unknown := query.keys() - {"endpoint", "region", "path_style"}:
        raise InvalidDocument(f"{sorted(unknown)[0]!r} is not known after ?", where=where, remedy=EXAMPLE)
    region, style = query.get("region"), query.get("path_style", "")
    if (region and not _REGION.fullmatch(region)) or style not in ("", "yes", "no"):
        raise InvalidDocument("region is a name, path_style is yes or no", where=where, remedy=EXAMPLE)
    endpoint = parse_endpoint(query["endpoint"], where=where) if "endpoint" in query else None
    return S3Address(
        bucket=parts.netloc,
        prefix=f"{prefix}/" if prefix else "",
        endpoint=endpoint,
        region=region,
        path_style=style == "yes" if style else bool(endpoint),
    )


def parse_endpoint(endpoint: str, *, where: str = "") -> str:
    """``http(s)://host[:port]`` without a slash at its end. Raises InvalidDocument."""
    parts: SplitResult = urlsplit(endpoint)
    try:
        is_plain = parts.port != 0 and parts.path in ("", "/") and not parts.query and "@" not in parts.netloc
    except ValueError:  # a port that is no number
        is_plain = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise InvalidDocument("an endpoint is http(s)://host or http(s)://host:port", where=where, remedy=EXAMPLE)
    return f"{parts.scheme}://{parts.netloc}"
