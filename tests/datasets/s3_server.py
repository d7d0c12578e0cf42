"""A real S3 server for tests: SeaweedFS from its wheel, on free ports of 127.0.0.1, gone with the test process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

from backend.door.processes import tethered

WEED = Path(sys.executable).with_name("weed")
BUCKET = "cells"
OWNER = ("owner-key", "owner-secret-of-the-tests")
READER = ("reader-key", "reader-secret-of-the-tests")
_PORTS = ("master", "master.g", "volume", "volume.g", "filer", "filer.g", "s3", "s3.g")


class S3Server:
    """Keeps its bytes in ``folder``, so that it can be killed and started again with all it acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = _free_ports(_PORTS)
        self.endpoint = f"http://127.0.0.1:{self.ports['s3']}"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir(parents=True, exist_ok=True)
        identities = [
            _identity("owner", OWNER, ["Admin", "Read", "Write", "List", "Tagging"]),
            _identity("reader", READER, [f"Read:{BUCKET}", f"List:{BUCKET}"]),
        ]
        (folder / "identities.json").write_text(json.dumps({"identities": identities}))

    def address(self, prefix: str = "", *, bucket: str = BUCKET, endpoint: str | None = None) -> str:
        """What ``open_store`` takes."""
        return f"s3://{bucket}/{prefix}?endpoint={endpoint or self.endpoint}&region=us-east-1"

    @property
    def env(self) -> dict[str, str]:
        """The owner's credentials, as variables."""
        return {"AWS_ACCESS_KEY_ID": OWNER[0], "AWS_SECRET_ACCESS_KEY": OWNER[1], "AWS_EC2_METADATA_DISABLED": "true"}

    def command(self) -> list[str]:
        port = self.ports
        return [
            str(WEED), "mini", f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-master.port={port['master']}", f"-master.port.grpc={port['master.g']}",
            f"-volume.port={port['volume']}", f"-volume.port.grpc={port['volume.g']}",
            f"-filer.port={port['filer']}", f"-filer.port.grpc={port['filer.g']}",
            f"-filer.localSocket={self.folder / 'filer.sock'}",
            f"-s3.port={port['s3']}", f"-s3.port.grpc={port['s3.g']}", "-s3.port.iceberg=0",
            f"-s3.config={self.folder / 'identities.json'}", "-s3.autoCreateBucket=false",
            "-webdav=false", "-admin.ui=false", "-master.telemetry=false",
        ]  # fmt: skip

    def start(self, *, patience: float = 60.0) -> None:
        """Return when the bucket is there and takes bytes."""
        env = {key: word for key, word in os.environ.items() if not key.startswith(("AWS_", "S3_", "WEED_"))}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                tethered(self.command()), stdout=log, stderr=log, cwd=self.folder, env=env, start_new_session=True
            )
        deadline = time.monotonic() + patience
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError("the S3 server did not start:\n" + (self.folder / "log").read_text()[-3000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut: no word of warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.endpoint}/healthz", timeout=2).close()
        except urllib.error.HTTPError:
            pass
        except OSError:
            return False
        client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=OWNER[0],
            aws_secret_access_key=OWNER[1],
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=10),
        )  # fmt: skip
        try:
            if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
        except Exception:  # whatever it says before it is ready
            return False
        return True


@contextmanager
def running_s3_server(folder: Path) -> Iterator[S3Server]:
    """A server for the time of the block."""
    server = S3Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()  # its folder is thrown away: nothing to say goodbye to


def _identity(name: str, keys: tuple[str, str], actions: list[str]) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": keys[0], "secretKey": keys[1]}], "actions": actions}


def _free_ports(names: tuple[str, ...]) -> dict[str, int]:
    # All held at once, so that no two are the same.
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return {name: sock.getsockname()[1] for name, sock in zip(names, sockets, strict=True)}
