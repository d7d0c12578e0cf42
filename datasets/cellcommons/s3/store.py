"""The object store in an S3 bucket: created once by conditional put, compared by the server before it has a name."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from cellcommons.canonical import sha256_hex
from cellcommons.errors import DigestMismatch, NotFound
from cellcommons.object_names import is_digest, object_path, ref_path
from cellcommons.s3.address import S3Address, parse_address
from cellcommons.s3.batch import gathered
from cellcommons.s3.client import make_client
from cellcommons.s3.discarding import RENEWED, discard, note_of, tidy_discarded
from cellcommons.s3.faults import code_of, explain, explained, status_of
from cellcommons.s3.presigned import S3Uploads
from cellcommons.s3.reader import ObjectReader
from cellcommons.s3.upload import ABSENT, Target, base64_of, send
from cellcommons.store import CHUNK, ObjectStore, StoredObject, damaged

ASK_FIRST = 1 << 18  # above this, asking whether an object is there costs less than sending it for nothing
BUFFER = 1 << 16
QUICK = 3.0  # seconds that a check waits for an answer
PAGE = 1000  # names a listing asks for at a time; the most that S3 gives


class S3Store:
    """Objects under ``objects/sha256/ab/cd/<hex>`` and refs under ``refs/`` of a bucket, which must exist.

    The server gets the sha256 with the bytes and refuses other bytes (where a server does not say that it compared, the
    object is read back), so no name ever stands for a part. Credentials come from where boto3 looks for them:
    ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``, a profile, or the machine's role.

    Every method raises StoreUnusable (see ``cellcommons.s3.faults``) where the bucket is missing, the credentials are
    wrong or have no rights, the clocks differ or nothing answers.

    Args:
        attempts: how often a request is tried before it counts as failed; the waits between grow, 20 s at most.
        timeout: seconds without a byte before a connection counts as broken.
    """

    def __init__(self, address: S3Address | str, *, attempts: int = 5, timeout: float = 60.0) -> None:
        self.address = parse_address(address) if isinstance(address, str) else address
        self.url = self.address.url
        self._attempts, self._timeout = attempts, timeout
        self._clients: dict[tuple[int, str | None, int, float], Any] = {}
        self._lock = threading.Lock()
        self._seen = False  # whether the bucket has answered yet: the 404 of a HEAD does not say what is missing

    # ---- Objects -------------------------------------------------------------------------------------------------
    def put(self, data: bytes) -> str:
        digest = sha256_hex(data)
        self._create(digest, io.BytesIO(data), len(data), where=digest)
        return digest

    def put_file(self, path: Path) -> str:
        with open(path, "rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            size = source.tell()
            source.seek(0)
            self._create(digest, source, size, where=str(path))
        return digest

    def batch(self) -> AbstractContextManager[ObjectStore]:
        return gathered(self)

    def get(self, digest: str) -> bytes:
        data = self._whole(self.key_of(digest))
        if data is None:
            raise NotFound("no such object in the store", where=digest)
        if sha256_hex(data) != digest:
            raise damaged(digest)
        return data

    def open(self, digest: str) -> BinaryIO:
        return self.open_key(self.key_of(digest), where=digest)

    def open_key(self, key: str, *, where: str = "") -> BinaryIO:
        """A seekable stream of what has this key of the bucket. Raises NotFound."""
        head = self.head(key)
        if head is None:
            raise NotFound("no such object in the store", where=where or key)
        size = int(head["ContentLength"])

        def fetch(start: int, stop: int) -> Any:
            return self.ask("get_object", Key=key, Range=f"bytes={start}-{stop - 1}")["Body"]

        return io.BufferedReader(ObjectReader(fetch, size, attempts=self._attempts, where=self.url), BUFFER)

    def exists(self, digest: str) -> bool:
        return self.head(self.key_of(digest)) is not None

    def size(self, digest: str) -> int:
        head = self.head(self.key_of(digest))
        if head is None:
            raise NotFound("no such object in the store", where=digest)
        return int(head["ContentLength"])

    def digests(self) -> Iterator[str]:
        return (found.digest for found in self.listing())

    def listing(self) -> Iterator[StoredObject]:
        prefix = f"{self.address.prefix}objects/sha256/"
        with explained(self.url):
            pages = self.client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.address.bucket, Prefix=prefix, MaxKeys=PAGE):
                for row in page.get("Contents", ()):
                    name = row["Key"].rpartition("/")[2]
                    if is_digest(name) and row["Key"] == self.key_of(name):
                        yield StoredObject(name, int(row["Size"]), row["LastModified"].timestamp())

    def delete(self, digest: str) -> None:
        self.ask("delete_object", Key=self.key_of(digest))

    def discard(self, digest: str, *, kept_before: float) -> bool:
        return discard(self, digest, kept_before=kept_before)

    def tidy(self, *, older_than: float) -> int:
        tidy_discarded(self, older_than=older_than)
        begun: list[tuple[str, str]] = []
        with explained(self.url):
            pages = self.client().get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self.address.bucket, Prefix=self.address.prefix):
                rows = page.get("Uploads", ())
                old = [row for row in rows if row["Initiated"].timestamp() < time.time() - older_than]
                begun += [(row["Key"], row["UploadId"]) for row in old]
        for key, upload in begun:
            self.ask("abort_multipart_upload", Key=key, UploadId=upload)
        return len(begun) + self.uploads().tidy(older_than=older_than)

    def uploads(self) -> S3Uploads:
        return S3Uploads(self)

    def link(self, digest: str, *, seconds: int, endpoint: str = "") -> str:
        place = {"Bucket": self.address.bucket, "Key": self.key_of(digest)}
        client = self.client(endpoint)
        with explained(self.url):
            return str(client.generate_presigned_url("get_object", Params=place, ExpiresIn=seconds))

    # ---- Refs ----------------------------------------------------------------------------------------------------
    def put_ref(self, name: str, data: bytes) -> None:
        self.ask("put_object", Key=self._ref(name), Body=data, ChecksumSHA256=base64_of(sha256_hex(data)))

    def get_ref(self, name: str) -> bytes | None:
        return self._whole(self._ref(name))

    def delete_ref(self, name: str) -> None:
        self.ask("delete_object", Key=self._ref(name))

    # ---- Requests ------------------------------------------------------------------------------------------------
    def check(self) -> None:
        quick = self.client(attempts=1, timeout=QUICK)
        self.ask("list_objects_v2", client=quick, Prefix=f"{self.address.prefix}objects/", MaxKeys=1)

    def _refuse_in_words(self) -> None:
        """Raise what is wrong with the store as a whole, which the answer to a HEAD does not say; or return."""
        self.ask("list_objects_v2", Prefix=f"{self.address.prefix}objects/", MaxKeys=1)

    def target(self, digest: str) -> Target:
        """The name that an object's bytes are to get. Raises InvalidDocument."""
        mark = note_of(self, RENEWED, digest)
        return Target(self.client(), self.address.bucket, self.key_of(digest), digest, mark)

    def key_of(self, digest: str) -> str:
        """The key of an object in the bucket. Raises InvalidDocument."""
        return self.address.prefix + object_path(digest)

    def _ref(self, name: str) -> str:
        return self.address.prefix + ref_path(name)

    def client(self, endpoint: str = "", *, attempts: int = 0, timeout: float = 0) -> Any:
        """boto3's client, made once in each process: connections must not be shared with a forked child."""
        where = endpoint or self.address.endpoint
        how = os.getpid(), where, attempts or self._attempts, timeout or self._timeout
        with self._lock:
            if how not in self._clients:
                self._clients[how] = make_client(self.address, endpoint=where, attempts=how[2], timeout=how[3])
            return self._clients[how]

    def ask(self, operation: str, *, client: Any = None, **arguments: Any) -> Any:
        """One request about this bucket. Raises StoreUnusable."""
        client = client or self.client()
        with explained(self.url):
            answer = getattr(client, operation)(Bucket=self.address.bucket, **arguments)
        self._seen = True
        return answer

    def head(self, key: str) -> Any:
        """What the server says of a key, or None where there is none."""
        client = self.client()
        try:
            answer = client.head_object(Bucket=self.address.bucket, Key=key)
        except ClientError as error:
            # The refusal of a HEAD has no words, so they are asked for.
            if status_of(error) != 404 or not self._seen:
                self._refuse_in_words()
            if status_of(error) == 404:
                return None
            raise explain(error, where=self.url) from error
        except BotoCoreError as error:
            raise explain(error, where=self.url) from error
        self._seen = True
        return answer

    def _whole(self, key: str) -> bytes | None:
        """All bytes of a key, or None where there is none."""
        client = self.client()
        for left in reversed(range(self._attempts)):
            try:
                body = client.get_object(Bucket=self.address.bucket, Key=key)["Body"]
            except (ClientError, BotoCoreError) as error:
                if isinstance(error, ClientError) and code_of(error) in ABSENT:
                    return None
                raise explain(error, where=self.url) from error
            try:
                return bytes(body.read())
            except BotoCoreError as error:  # begun and broken off: boto itself tries again only before that
                if not left:
                    raise explain(error, where=self.url) from error
        raise AssertionError

    def _create(self, digest: str, source: BinaryIO, size: int, *, where: str) -> None:
        target = self.target(digest)
        if size > ASK_FIRST and self.exists(digest):
            with explained(self.url):
                if target.renew():
                    return
        with explained(self.url):
            compared = send(target, source, size, where=where)
        self._seen = True
        if not compared:
            self._read_back(digest)

    def _read_back(self, digest: str) -> None:
        hasher = hashlib.sha256()
        with self.open(digest) as handle:
            while block := handle.read(CHUNK):
                hasher.update(block)
        if hasher.hexdigest() != digest:
            self.delete(digest)
            raise DigestMismatch("what arrived is not what was sent", where=digest, remedy="Send it again.")
