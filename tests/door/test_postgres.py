import os
import pwd
import signal
import sys
from pathlib import Path

import psycopg
import pytest

from backend.door import broker, postgres
from backend.door.errors import DoorError
from backend.door.postgres import Cluster, throw_away_cluster
from backend.door.processes import Supervisor

ROOT = Path(__file__).resolve().parents[2]
VENV = Path(sys.prefix)


def test_a_throw_away_cluster_serves_and_leaves_nothing(tmp_path):
    with throw_away_cluster(VENV, cwd=tmp_path) as url:
        with psycopg.connect(url) as connection:
            assert connection.execute("select current_database(), current_setting('fsync')").fetchone() == (
                "cellcommons",
                "off",
            )
            server = connection.info.backend_pid
        folder = Path(psycopg.conninfo.conninfo_to_dict(url)["host"])
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.parent.exists()
    assert not Path(f"/proc/{server}").exists()


@pytest.fixture
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pg")
    sockets = folder / "run"
    sockets.mkdir(mode=0o700)
    return Cluster(data=folder / "data", sockets=sockets, log=folder / "log", venv=VENV, throw_away=True)


def test_it_starts_again_after_kill_9_with_its_rows(cluster, tmp_path):
    cluster.options = cluster.options | {"fsync": "on", "synchronous_commit": "on"}
    cluster.make()
    with Supervisor() as supervisor:
        service = supervisor.start(cluster.service(cwd=tmp_path))
        cluster.wait_ready(supervisor)
        cluster.create_database()
        cluster.create_database()  # the second time there is nothing to do
        with psycopg.connect(cluster.url) as connection:
            connection.execute("create table kept as select 42 as answer")
        os.kill(service.pid, signal.SIGKILL)
        service.process.wait()
        assert (cluster.data / "postmaster.pid").exists()
    assert not postgres.answers(cluster.socket)
    with Supervisor() as supervisor:
        cluster.make()
        cluster.clear_stale()
        supervisor.start(cluster.service(cwd=tmp_path))
        cluster.wait_ready(supervisor)
        with psycopg.connect(cluster.url) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)


def test_a_lock_file_with_the_number_of_a_stranger_is_removed(cluster):
    cluster.data.mkdir()
    stale = cluster.data / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n/somewhere\n")  # alive, but no Postgres of ours
    cluster.clear_stale()
    assert not stale.exists()


def test_a_cluster_half_made_is_made_anew(cluster):
    cluster.data.mkdir(parents=True)
    (cluster.data / "base").mkdir()
    part = cluster.data.with_name("data.making")
    part.mkdir()
    (part / "rubbish").write_text("")
    cluster.make()
    assert (cluster.data / "PG_VERSION").read_text().strip().isdigit()
    assert not part.exists()


def test_missing_wheels_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres.Path, "glob", lambda self, pattern: iter(()))
    for find in (postgres.find_binaries, broker.find_server):
        with pytest.raises(DoorError, match="lacks the"):
            find(tmp_path)


def test_the_broker_answers_on_its_socket_and_stops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("b")
    redis = broker.Broker(data=folder / "data", sockets=folder, log=folder / "log", venv=VENV)
    assert not broker.answers(redis.socket)
    with Supervisor() as supervisor:
        supervisor.start(redis.service(cwd=folder))
        redis.wait_ready(supervisor)
        assert broker.answers(redis.socket)
        assert redis.socket.stat().st_mode & 0o077 == 0
    assert not broker.answers(redis.socket)


def test_the_user_lent_to_postgres_exists():
    """On a fresh machine there is no uid 1000: initdb refuses a uid that has no name."""
    postgres._as_postgres_user.cache_clear()
    words, _ = postgres._as_postgres_user()
    lent = [int(word.partition("=")[2]) for word in words if word.startswith(("--map-user=", "--reuid="))]
    assert len(lent) == (1 if os.geteuid() == 0 else 0)
    for uid in lent:
        assert uid != 0
        assert pwd.getpwuid(uid).pw_name in ("postgres", "nobody")
