"""The process that reads an upload through is killed while it hashes: no row says yes early, and it is done again."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sending
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone
from sending import png

from backend.imaging.models import Dataset, Upload
from backend.imaging.services.arrivals import receive_upload
from backend.imaging.services.uploads import sweep_uploads
from backend.people.models import Person
from cellcommons.canonical import sha256_hex
from cellcommons.store import FolderStore, ObjectStore

ROOT = Path(__file__).resolve().parents[3]
WORK = "import django; django.setup(); from backend.imaging.services.arrivals import receive_upload; import sys;"
SIZE = 128 << 20  # a quarter of a second of hashing, and more of writing


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as whole:
        whole.writestr("one.png", png())
        whole.writestr("notes.bin", np.random.default_rng(1).bytes(SIZE))
    return packed.getvalue()


def worker(upload: str) -> subprocess.Popen[bytes]:
    """A process that does what the worker's does, on the same database and store."""
    place = connection.settings_dict
    url = f"postgresql://{place['USER']}@/{place['NAME']}?host={place['HOST']}&port={place['PORT'] or 5432}"
    env = os.environ | {
        "DATABASE_URL": url,
        "OBJECTS_URL": django_settings.OBJECTS_URL,
        "BROKER_URL": "memory://",
        "SECRET_KEY": "x" * 50,
        "DJANGO_SETTINGS_MODULE": "backend.settings.hub",
    }
    code = f"{WORK} receive_upload(upload_id=sys.argv[1])"
    return subprocess.Popen([sys.executable, "-c", code, upload], cwd=ROOT, env=env, stderr=subprocess.PIPE)


@pytest.mark.django_db(transaction=True)
def test_killed_while_it_hashes(
    curator: Person, dataset: Dataset, client_of: Callable[..., Any], store: ObjectStore
) -> None:
    assert isinstance(store, FolderStore)
    client, data = client_of(curator), archive()
    digest = sha256_hex(data)
    begun = sending.declare(client, data, "plate.zip", purpose="import", layout="plain").data
    sending.send_parts(client, begun, data)
    client.post(f"{sending.URL}{begun['id']}/finish/")

    victim = worker(begun["id"])
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in (store.root / "incoming").iterdir()):
        assert victim.poll() is None, victim.communicate()[1].decode()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    victim.send_signal(signal.SIGSTOP)
    row = Upload.objects.get(pk=begun["id"])
    assert (row.state, row.object_sha256) == ("verifying", "")
    assert not store.exists(digest)
    victim.kill()
    assert victim.wait() == -signal.SIGKILL
    assert Upload.objects.get(pk=begun["id"]).state == "verifying"

    # Delivered again at once, while its heart may still beat, it is left alone; then the sweep has it done anew.
    receive_upload(upload_id=begun["id"])
    assert Upload.objects.get(pk=begun["id"]).state == "verifying"
    Upload.objects.update(heartbeat=timezone.now() - timedelta(minutes=3))
    assert sweep_uploads() == 1
    again = worker(begun["id"])
    assert (again.wait(), again.stderr and again.stderr.close()) == (0, None)
    done = client.get(f"{sending.URL}{begun['id']}/").data
    assert (done["state"], done["error"]) == ("kept", None)
    assert done["import_id"]
    with store.open(digest) as kept:
        assert sha256_hex(kept.read()) == digest
