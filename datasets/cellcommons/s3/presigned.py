"""Uploads into a bucket: parts by presigned links, whole under a temporary key, a name only after reading it through.

Nobody has a link to the temporary key itself, and the links of its parts are dead once it is whole: what was read and
compared is what is copied, server side, to its name.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
import uuid
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cellcommons.errors import DigestMismatch, InvalidDocument
from cellcommons.object_store import CHUNK
from cellcommons.object_uploads import PendingUpload, check_part, check_whole, no_such_upload, part_size_of
from cellcommons.s3.faults import code_of, explain, explained
from cellcommons.s3.upload import THERE

if TYPE_CHECKING:
    from cellcommons.s3.store import S3Store

_KEY = re.compile(r"([0-9a-f]{32})/([A-Za-z0-9._~+=-]{16,1024})")
_GONE = {"NoSuchUpload", "NoSuchKey", "404"}
COPY = 4 << 30  # bytes that S3 copies in one request; it allows 5 GiB


class S3Uploads:
    """Uploads below ``uploads/`` of a store's prefix; ``store`` is where they become objects."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._bucket = store.address.bucket

    def begin(self, size: int, sha256: str, *, part_size: int | None = None) -> PendingUpload:
        name = uuid.uuid4().hex
        upload = PendingUpload(name, size, sha256, part_size or part_size_of(size))
        begun = self._store.ask("create_multipart_upload", Key=self._temporary(name))
        return PendingUpload(f"{name}/{begun['UploadId']}", upload.size, upload.sha256, upload.part_size)

    def parts(self, upload: PendingUpload) -> set[int]:
        try:
            return set(self._etags(upload))
        except (ClientError, BotoCoreError) as error:
            if not _is_gone(error):
                raise explain(error, where=self._store.url) from error
        # Put together already: a run that died went that far.
        key, _ = self._place(upload.key)
        head = self._store.head(key)
        if head is None or head["ContentLength"] != upload.size:
            raise no_such_upload(upload.key)
        return set(range(1, upload.count + 1))

    def receive(self, key: str, number: int, length: int) -> S3Part:
        temporary, upload_id = self._place(key)
        return S3Part(self._store, {"Key": temporary, "UploadId": upload_id, "PartNumber": number}, length)

    def link(self, upload: PendingUpload, number: int, *, seconds: int, endpoint: str = "") -> str:
        key, upload_id = self._place(upload.key)
        part = {
            "Bucket": self._bucket,
            "Key": key,
            "UploadId": upload_id,
            "PartNumber": number,
            "ContentLength": upload.length(number),  # signed too: another length is refused
        }
        client = self._store.client(endpoint)
        with explained(self._store.url):
            return str(client.generate_presigned_url("upload_part", Params=part, ExpiresIn=seconds))

    def finish(self, upload: PendingUpload) -> str:
        check_whole(upload, self.parts(upload))
        key, _ = self._place(upload.key)
        with explained(self._store.url):
            self._put_together(upload)
        hasher, size = hashlib.sha256(), 0
        with self._store.open_key(key) as handle:
            while block := handle.read(CHUNK):
                hasher.update(block)
                size += len(block)
        if hasher.hexdigest() != upload.sha256 or size != upload.size:
            self.abandon(upload)
            raise DigestMismatch("the bytes that came have another sha256 than was declared", where=upload.sha256)
        with explained(self._store.url):
            self._name(upload)
        return upload.sha256

    def abandon(self, upload: PendingUpload) -> None:
        key, upload_id = self._place(upload.key)
        try:
            self._store.client().abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except (ClientError, BotoCoreError) as error:
            if not _is_gone(error):
                raise explain(error, where=self._store.url) from error
        self._store.ask("delete_object", Key=key)

    def tidy(self, *, older_than: float) -> int:
        """Delete wholes that were never named and are older than so many seconds; how many."""
        old = []
        with explained(self._store.url):
            pages = self._store.client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._temporary("")):
                rows = page.get("Contents", ())
                old += [row["Key"] for row in rows if row["LastModified"].timestamp() < time.time() - older_than]
        for key in old:
            self._store.ask("delete_object", Key=key)
        return len(old)

    def _temporary(self, name: str) -> str:
        return f"{self._store.address.prefix}uploads/{name}"

    def _place(self, key: str) -> tuple[str, str]:
        """The temporary key of the bucket, and S3's own id of the upload."""
        found = _KEY.fullmatch(key)
        if found is None:
            raise no_such_upload(key)
        return self._temporary(found[1]), found[2]

    def _etags(self, upload: PendingUpload) -> dict[int, str]:
        """Part -> entity tag, of those that have the right length. Raises ClientError."""
        key, upload_id = self._place(upload.key)
        pages = self._store.client().get_paginator("list_parts")
        rows = [
            row
            for page in pages.paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
            for row in page.get("Parts", ())
            if row["PartNumber"] <= upload.count and row["Size"] == upload.length(row["PartNumber"])
        ]
        # SeaweedFS lists every version of a part that was sent again, in no order; others the newest alone.
        return {row["PartNumber"]: row["ETag"] for row in sorted(rows, key=lambda row: row["LastModified"])}

    def _put_together(self, upload: PendingUpload) -> None:
        key, upload_id = self._place(upload.key)
        try:
            etags = self._etags(upload)
            parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
            self._store.client().complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            # Told twice, or by a run that died: ``parts`` has seen the whole.
            if not _is_gone(error):
                raise

    def _name(self, upload: PendingUpload) -> None:
        """Copy the whole to its name, unless something has it. Raises ClientError."""
        key, _ = self._place(upload.key)
        client, source = self._store.client(), {"Bucket": self._bucket, "Key": key}
        target = self._store.target(upload.sha256)
        place = {"Bucket": target.bucket, "Key": target.key}
        try:
            if upload.size <= COPY:
                client.copy_object(**place, CopySource=source, IfNoneMatch="*", MetadataDirective="REPLACE")
                return
            begun = client.create_multipart_upload(**place)["UploadId"]
            try:
                parts = [
                    self._copied(place | {"UploadId": begun, "CopySource": source}, number, start, upload.size)
                    for number, start in enumerate(range(0, upload.size, COPY), start=1)
                ]
                client.complete_multipart_upload(
                    **place, UploadId=begun, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
                )
            except BaseException:
                client.abort_multipart_upload(**place, UploadId=begun)
                raise
        except ClientError as error:
            if code_of(error) not in THERE:
                raise
            if not target.renew():
                self._name(upload)

    def _copied(self, place: dict[str, Any], number: int, start: int, size: int) -> dict[str, Any]:
        wanted = f"bytes={start}-{min(start + COPY, size) - 1}"
        answer = self._store.client().upload_part_copy(**place, PartNumber=number, CopySourceRange=wanted)
        return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}


class S3Part:
    """A part that comes by way of the hub: held until it is whole, then sent on; see ``PartWriter``."""

    def __init__(self, store: S3Store, place: dict[str, Any], length: int) -> None:
        if not 1 <= place["PartNumber"] <= 10_000:
            raise InvalidDocument("no part has that number", where=f"part {place['PartNumber']}")
        self._store, self._place, self._length, self._written = store, place, length, 0
        self._held = tempfile.SpooledTemporaryFile(max_size=16 << 20)  # noqa: SIM115 closed by keep or drop

    def write(self, block: bytes) -> None:
        self._written += len(block)
        if self._written > self._length:
            check_part(self._written, self._length, self._place["PartNumber"])
        self._held.write(block)

    def keep(self) -> None:
        check_part(self._written, self._length, self._place["PartNumber"])
        self._held.seek(0)
        client = self._store.client()
        try:
            client.upload_part(Bucket=self._store.address.bucket, Body=self._held, **self._place)
        except (ClientError, BotoCoreError) as error:
            if _is_gone(error):
                raise no_such_upload(self._place["Key"]) from None
            raise explain(error, where=self._store.url) from error
        finally:
            self._held.close()

    def drop(self) -> None:
        self._held.close()


def _is_gone(error: ClientError | BotoCoreError) -> bool:
    return isinstance(error, ClientError) and code_of(error) in _GONE
