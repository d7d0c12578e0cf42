"""What an S3 server or the way to it can refuse, as errors a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)

from cellcommons.errors import CellCommonsError, DiskFull, StoreUnusable


class MissingBucket(StoreUnusable):
    """The bucket does not exist."""

    code = "missing-bucket"


class WrongCredentials(StoreUnusable):
    """There are no credentials, or the server does not accept them."""

    code = "wrong-credentials"


class NoRights(StoreUnusable):
    """The server knows who asks and does not allow it."""

    code = "no-rights"


class ClockSkew(StoreUnusable):
    """This machine's clock and the server's differ too much for a signature to count."""

    code = "clock-skew"


class EndpointDown(StoreUnusable):
    """Nothing answers there, or it keeps failing."""

    code = "endpoint-down"


RIGHTS = "s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject and those of multipart uploads"
_CREDENTIALS = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile or role that stands in for them."
_WRONG = {
    "SignatureDoesNotMatch": "the secret key is not the one that belongs to the access key",
    "InvalidAccessKeyId": "the access key is not known there",
    "ExpiredToken": "the session token has expired",
    "InvalidToken": "the session token is not valid",
    "TokenRefreshRequired": "the session token has expired",
}
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}
_DENIED = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "Forbidden", "UnauthorizedAccess"}
_ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301", "307"}
_FULL = {"InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "507"}


def code_of(error: ClientError) -> str:
    """The server's own word for its refusal, such as ``NoSuchKey``; of a HEAD only the status, such as ``404``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """HTTP status of the refusal, 0 where there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def explain(error: ClientError | BotoCoreError, *, where: str) -> CellCommonsError:
    """The error for what boto raised; ``where`` is the store's address, which holds no secret."""
    if isinstance(error, ClientError):
        return _explain_answer(error, where)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return WrongCredentials("there are no credentials for it", where=where, remedy=_CREDENTIALS)
    if isinstance(error, SSLError):
        return EndpointDown(
            "its certificate is not trusted",
            where=where,
            remedy="Correct the endpoint, or name the authority in AWS_CA_BUNDLE.",
        )
    # Refused, timed out, closed, cut short: boto's classes for these have no base of their own.
    if isinstance(error, HTTPClientError | ConnectionError | IncompleteReadError):
        return EndpointDown(
            f"the object store does not answer ({type(error).__name__})",
            where=where,
            remedy="Check that it runs and that the endpoint in the address is right.",
        )
    name = type(error).__name__
    return StoreUnusable(f"it cannot be used ({name})", where=where, remedy="Check the settings of AWS that it uses.")


def _explain_answer(error: ClientError, where: str) -> CellCommonsError:
    code, status = code_of(error), status_of(error)
    if code == "NoSuchBucket":
        return MissingBucket(
            "the bucket does not exist", where=where, remedy="Make it, or correct the name in the address."
        )
    if code in _WRONG:
        return WrongCredentials(_WRONG[code], where=where, remedy=_CREDENTIALS)
    if code in _SKEWED:
        return ClockSkew(
            "this machine's clock and the object store's are too far apart",
            where=where,
            remedy="Set the clock (NTP), then try again.",
        )
    if code in _FULL or status == 507:
        return DiskFull("the object store has no room left", where=where, remedy="Make room in it, then try again.")
    if code in _DENIED or status in (401, 403):
        return NoRights("the credentials do not allow this", where=where, remedy=f"Grant {RIGHTS} on the bucket.")
    if code in _ELSEWHERE or status in (301, 307):
        return StoreUnusable(
            "the bucket lies in another region", where=where, remedy="Name it in the address: ?region=..."
        )
    if status >= 500 or status in (0, 429) or code in ("SlowDown", "RequestTimeout", "Throttling"):
        return EndpointDown(
            f"the object store keeps failing ({code or status})", where=where, remedy="Look into its log; try again."
        )
    return StoreUnusable(f"it refused ({code or status})", where=where, remedy="Look into the object store's log.")


@contextmanager
def explained(where: str) -> Iterator[None]:
    """In the block, what boto raises becomes an error with what, where and remedy."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise explain(error, where=where) from error
