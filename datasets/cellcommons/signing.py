"""Signed manifests: who published a release. Ed25519 (RFC 8032), beside the manifest and not in it.

What is signed is the manifest's sha256, so the digest stays the release's identity and a release may be signed again,
by a new key. A private key is the 32 bytes of its seed in hex; a public one is 32 bytes in hex.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cellcommons.documents import Document
from cellcommons.errors import BadSignature, InvalidDocument
from cellcommons.extras import require

LIMIT = 4096
_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True)
class Signature(Document):
    """Says that the holder of ``key`` published the manifest of that sha256.

    Attributes:
        manifest: sha256. key: the public key. signature: both as hex.
    """

    KIND: ClassVar[str] = "cellcommons.signature/1"
    manifest: str
    key: str
    signature: str

    def __post_init__(self) -> None:
        checks = {"manifest": _KEY, "key": _KEY, "signature": _SIGNATURE}
        for name, pattern in checks.items():
            if not pattern.fullmatch(getattr(self, name)):
                raise InvalidDocument(f"the signature's {name} is not valid", where=name)


def public_key(private: str) -> str:
    """The public key of a private one. Raises InvalidDocument, MissingExtra."""
    return str(_private(private).public_key().public_bytes_raw().hex())


def sign_manifest(manifest_sha256: str, private: str) -> Signature:
    """Sign; the same key and manifest give the same bytes. Raises InvalidDocument, MissingExtra."""
    return Signature(manifest_sha256, public_key(private), _private(private).sign(_message(manifest_sha256)).hex())


def check_signature(signature: Signature, manifest_sha256: str, keys: Collection[str]) -> None:
    """Whether one of ``keys`` signed this manifest.

    Raises:
        BadSignature: it is another manifest's, another key's, or does not fit: the message says which.
        MissingExtra: the package cryptography is not installed.
    """
    if signature.manifest != manifest_sha256:
        raise BadSignature("the signature is of another manifest", where=signature.manifest)
    if signature.key not in keys:
        raise BadSignature(
            "the manifest is signed by a key that is not trusted",
            where=f"key {signature.key}",
            remedy="Ask the publisher which key is theirs; keys that they used before are listed at /api/v1/keys/.",
        )
    keys_of = require("cryptography.hazmat.primitives.asymmetric.ed25519", extra="sign", what="checking a signature")
    invalid = require("cryptography.exceptions", extra="sign", what="checking a signature").InvalidSignature
    try:
        known = keys_of.Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.key))
        known.verify(bytes.fromhex(signature.signature), _message(manifest_sha256))
    except (invalid, ValueError):
        raise BadSignature(
            "the signature does not fit the manifest",
            where=manifest_sha256,
            remedy="The manifest or the signature was changed on its way: fetch both from the publisher.",
        ) from None


def parse_keys(data: bytes, *, where: str) -> set[str]:
    """Public keys as a hub lists them: ``[{"key": hex, ...}, ...]``. Raises InvalidDocument."""
    try:
        return {str(row["key"]) for row in json.loads(data)}
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidDocument(f"the list of keys is not valid ({error})", where=where) from error


def read_key(text: str) -> str:
    """A public key: 64 hex digits, or a file that holds them. Raises InvalidDocument."""
    found = text.strip().lower()
    if not _KEY.fullmatch(found):
        try:
            found = Path(text).read_text(encoding="ascii").strip().lower()
        except (OSError, ValueError):
            found = ""
    if not _KEY.fullmatch(found):
        raise InvalidDocument("a public key is 64 hex digits, or a file that holds them", where=text[:80])
    return found


def _private(text: str) -> Any:
    if not _KEY.fullmatch(text):
        raise InvalidDocument("a private key is 64 hex digits", remedy="Make one with: openssl rand -hex 32.")
    keys = require("cryptography.hazmat.primitives.asymmetric.ed25519", extra="sign", what="signing a manifest")
    return keys.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))


def _message(manifest_sha256: str) -> bytes:
    # The prefix keeps a signature of ours from ever being one of something else.
    return f"{Signature.KIND}\n{manifest_sha256}\n".encode("ascii")
