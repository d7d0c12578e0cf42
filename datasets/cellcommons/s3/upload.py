"""Bytes become an object of a bucket: in one put or in parts, and only where nothing has that name yet."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from cellcommons.canonical import sha256_hex
from cellcommons.errors import DigestMismatch
from cellcommons.s3.faults import code_of, status_of

PART = 16 << 20  # bytes of one put, and of one part above that
MOST_PARTS = 9000  # S3 allows 10,000
YOUNG = 21_600.0  # seconds; what is younger needs no renewal: garbage collection lets a day pass at least
AT_ONCE = 4  # parts under way, each in memory
ABSENT = {"NoSuchKey", "NotFound", "404"}
THERE = {"PreconditionFailed", "412"}
_CONFLICT = {"ConditionalRequestConflict", "409"}


@dataclass(frozen=True)
class Target:
    """The name that bytes are to get: ``key`` in ``bucket``, ``digest`` their sha256; ``client`` is boto3's.

    ``mark``: the key of a note that somebody puts the object again, see ``cellcommons.s3.discarding``.
    """

    client: Any
    bucket: str
    key: str
    digest: str
    mark: str

    def exists(self) -> bool:
        """Whether the name is given by now."""
        try:
            self.client.head_object(Bucket=self.bucket, Key=self.key)
        except ClientError as error:
            if status_of(error) == 404:
                return False
            raise
        return True

    def renew(self) -> bool:
        """Make what has the name as young as if it were put now, by a copy onto itself; False: it is gone meanwhile.

        The mark comes first. A collector that removes the object before the copy makes the copy fail; one that removes
        it later finds the mark, and brings the object back.
        """
        source = {"Bucket": self.bucket, "Key": self.key}
        try:
            kept_at = self.client.head_object(**source)["LastModified"].timestamp()
            if kept_at <= time.time() - YOUNG:
                self.client.put_object(Bucket=self.bucket, Key=self.mark, Body=b"")
                self.client.copy(source, self.bucket, self.key, ExtraArgs={"MetadataDirective": "REPLACE"})
        except ClientError as error:
            if status_of(error) == 404 and code_of(error) != "NoSuchBucket":
                return False
            raise
        return True


def base64_of(digest: str) -> str:
    """A sha256 in hex as S3 writes it."""
    return base64.b64encode(bytes.fromhex(digest)).decode()


def send(target: Target, source: BinaryIO, size: int, *, where: str) -> bool:
    """Send ``size`` bytes of ``source`` and give them their name. A name that is given already stays as it is.

    Returns whether the server says that it compared the sha256.

    Raises:
        DigestMismatch: the bytes of ``where`` changed since their digest was taken; nothing has the name then.
        ClientError, BotoCoreError: the server or the way to it; nothing has the name then either.
    """
    if size > PART:
        return _send_parts(target, source, size, where=where)
    data = source.read(size + 1)
    if sha256_hex(data) != target.digest:
        raise _changed(where)
    wanted = base64_of(target.digest)
    for pause in (0.1, 0.3, 1.0, None):
        try:
            answer = target.client.put_object(
                Bucket=target.bucket, Key=target.key, Body=data, IfNoneMatch="*", ChecksumSHA256=wanted
            )
            return bool(answer.get("ChecksumSHA256") == wanted)
        except ClientError as error:
            if code_of(error) in THERE:
                if target.renew():
                    return True
                continue
            # Another writer is giving the name at this moment: see what came of it.
            if code_of(error) not in _CONFLICT or pause is None:
                raise
            time.sleep(pause)
    raise AssertionError


def _send_parts(target: Target, source: BinaryIO, size: int, *, where: str) -> bool:
    place = {"Bucket": target.bucket, "Key": target.key}
    upload = target.client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")["UploadId"]
    try:
        parts, checked = _Parts(target, upload, max(PART, -(-size // MOST_PARTS))).send(source, where=where)
        if not _complete(target, upload, parts):
            target.client.abort_multipart_upload(**place, UploadId=upload)
            return True
    except BaseException:
        # What was sent would be paid for and never seen.
        with suppress(ClientError, BotoCoreError):
            target.client.abort_multipart_upload(**place, UploadId=upload)
        raise
    return checked


def _complete(target: Target, upload: str, parts: list[dict[str, Any]]) -> bool:
    """Give the name; False where another writer gave it first."""
    try:
        target.client.complete_multipart_upload(
            Bucket=target.bucket,
            Key=target.key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            IfNoneMatch="*",
        )
    except ClientError as error:
        if code_of(error) in THERE:
            return False
        if code_of(error) in _CONFLICT and _appears(target):
            return False
        # Told twice, because the first answer was lost.
        if code_of(error) == "NoSuchUpload" and target.exists():
            return True
        raise
    return True


def _appears(target: Target) -> bool:
    """Wait some seconds for what another writer is about to name."""
    for pause in (0.2, 0.5, 1.0, 2.0):
        if target.exists():
            return True
        time.sleep(pause)
    return target.exists()


class _Parts:
    """The parts of one upload, ``step`` bytes each but the last, several under way at a time."""

    def __init__(self, target: Target, upload: str, step: int) -> None:
        self._target, self._upload, self._step = target, upload, step
        self._under_way: deque[Future[tuple[dict[str, Any], bool]]] = deque()
        self._sent: list[tuple[dict[str, Any], bool]] = []

    def send(self, source: BinaryIO, *, where: str) -> tuple[list[dict[str, Any]], bool]:
        """The parts as S3 wants them named at the end, and whether the server says that it compared each."""
        hasher, number = hashlib.sha256(), 0
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cellcommons-part") as pool:
            try:
                while data := source.read(self._step):
                    number += 1
                    hasher.update(data)
                    self._under_way.append(pool.submit(self._one, number, data))
                    if len(self._under_way) >= AT_ONCE:
                        self._sent.append(self._under_way.popleft().result())
                while self._under_way:
                    self._sent.append(self._under_way.popleft().result())
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        if hasher.hexdigest() != self._target.digest:
            raise _changed(where)
        return [part for part, _ in self._sent], all(checked for _, checked in self._sent)

    def _one(self, number: int, data: bytes) -> tuple[dict[str, Any], bool]:
        wanted = base64_of(sha256_hex(data))
        answer = self._target.client.upload_part(
            Bucket=self._target.bucket,
            Key=self._target.key,
            UploadId=self._upload,
            PartNumber=number,
            Body=data,
            ChecksumSHA256=wanted,
        )
        part = {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": wanted}
        return part, answer.get("ChecksumSHA256") == wanted


def _changed(where: str) -> DigestMismatch:
    return DigestMismatch(
        "the file changed while it was being kept", where=where, remedy="Try again when nothing writes to it."
    )
