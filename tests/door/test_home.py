import os
import subprocess
import sys
import time

import pytest

from backend.door.errors import DoorError
from backend.door.home import LONGEST_SOCKET_FOLDER, Home, require_space
from backend.door.processes import Service, Supervisor


def test_a_home_with_a_living_hub_is_refused_at_once(tmp_path):
    home = Home(tmp_path / "home")
    with home.lock():
        home.write_state({"pid": os.getpid(), "url": "http://127.0.0.1:8000"})
        assert home.is_locked()
        started = time.monotonic()
        with pytest.raises(DoorError, match=r"already runs on .*home at http://127.0.0.1:8000"), home.lock():
            pass
        assert time.monotonic() - started < 5
    assert not home.is_locked()
    with home.lock():
        pass


def test_the_keeper_holds_the_home_until_the_last_process_is_gone(tmp_path):
    home = Home(tmp_path / "home")
    command = [sys.executable, "-c", "import time; time.sleep(1000)"]
    with home.lock() as lock:
        supervisor = Supervisor(lock=lock)
        supervisor.__enter__()
        service = Service(name="x", command=command, env=dict(os.environ), log=home.log("x"), cwd=tmp_path)
        supervisor.start(service)
    assert home.is_locked()  # as if we had been killed: our own hold is gone, the process is not
    assert service.is_running()
    supervisor.stop()
    assert not service.is_running()
    assert not home.is_locked()


def test_the_secret_key_is_made_once_and_private(tmp_path):
    home = Home(tmp_path / "home")
    home.make()
    key = home.secret_key()
    assert len(key) >= 50
    assert Home(tmp_path / "home").secret_key() == key
    assert (home.path / "secret_key").stat().st_mode & 0o077 == 0
    assert home.path.stat().st_mode & 0o077 == 0


def test_a_deep_home_gets_a_short_private_folder_for_sockets(tmp_path):
    home = Home(tmp_path / ("deep" * 30))
    home.make()
    folder = home.socket_folder()
    try:
        assert len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER
        assert folder.stat().st_mode & 0o077 == 0
        assert Home(home.path).socket_folder() == folder
        assert Home(tmp_path / ("deep" * 31)).path != home.path
        folder.chmod(0o755)
        with pytest.raises(DoorError, match="not a private folder"):
            home.socket_folder()
    finally:
        folder.rmdir()


def test_a_short_home_keeps_its_sockets_inside(tmp_path):
    home = Home(tmp_path / "h")
    home.make()
    expected = home.run if len(os.fsencode(home.run)) <= LONGEST_SOCKET_FOLDER else home.socket_folder()
    assert home.socket_folder() == expected
    assert list(home.run.iterdir()) == []


def test_too_little_space_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(DoorError, match=r"too full: the first installation needs 999999999999 MB"):
        require_space(tmp_path / "not" / "there", megabytes=999_999_999_999, what="the first installation")
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DoorError) as caught:
        Home(tmp_path / "file" / "home").make()
    assert "\n" not in str(caught.value)
    assert "home" in str(caught.value)


def test_the_lock_goes_with_a_killed_process(tmp_path):
    home = Home(tmp_path / "home")
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from backend.door.home import Home\n"
        "with Home(sys.argv[2]).lock(): print('held', flush=True); time.sleep(100)\n"
    )
    root = str(Home.__module__ and os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
    command = [sys.executable, "-c", code, root, str(home.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert home.is_locked()
        holder.kill()
    assert not home.is_locked()
