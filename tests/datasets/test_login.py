from __future__ import annotations

import importlib.util
import io
import json
import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from small_release import items_in, seal, serving

from cellcommons import credentials
from cellcommons.cli import main
from cellcommons.client import Client
from cellcommons.credentials import find_token, forget_token, keep_token, tokens_file
from cellcommons.errors import InvalidDocument
from cellcommons.store import FolderStore

TOKEN = "0123456789abcdef"


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own, without a keyring."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "CELLCOMMONS_TOKEN", "CELLCOMMONS_HUB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)


class People(BaseHTTPRequestHandler):
    """The two answers of a hub that ``login`` asks for; ``/elsewhere`` points to another server."""

    away = ""
    heard: list[str | None] = []

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/elsewhere"):
            return self.answer(307, {})
        if told == {"username": "ada", "password": "right"}:
            return self.answer(200, {"token": TOKEN})
        return self.answer(400, {"detail": "Name or password is wrong."})

    def do_GET(self) -> None:
        self.heard.append(self.headers.get("Authorization"))
        known = self.headers.get("Authorization") == f"Token {TOKEN}"
        user = {"username": "ada", "role": "curator"} if known else None
        return self.answer(200, {"user": user})

    def answer(self, status: int, document: dict) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        if status == 307:
            self.send_header("Location", f"{self.away}/api/v1/auth/token/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def people(handler: type[BaseHTTPRequestHandler] = People) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def type_in(monkeypatch: pytest.MonkeyPatch, text: str, *, terminal: bool = False) -> None:
    typed = io.StringIO(text)
    monkeypatch.setattr(typed, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stdin", typed)


def test_a_token_is_confirmed_kept_for_its_hub_alone_and_never_printed(monkeypatch, capsys) -> None:
    with people() as hub:
        type_in(monkeypatch, f"{TOKEN}\n")
        assert main(["login", hub, "--token-stdin", "--json"]) == 0
        out, err = capsys.readouterr()
        done = json.loads(out.splitlines()[-1])
        assert (done["user"], done["role"], done["kept"]) == ("ada", "curator", str(tokens_file()))
        assert TOKEN not in out + err
        assert stat.S_IMODE(tokens_file().stat().st_mode) == 0o600
        assert find_token(hub) == find_token(f"{hub}/some/path") == TOKEN
        for other in ("http://127.0.0.1:1", hub.replace("http:", "https:"), hub.replace("127.0.0.1", "localhost")):
            assert find_token(other) is None
        assert main(["logout", hub, "--json"]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["forgotten"] is True
        assert find_token(hub) is None
        type_in(monkeypatch, "wrong\n")
        assert main(["login", hub, "--token-stdin"]) == 2
        assert find_token(hub) is None


def test_name_and_password_are_asked_for_without_an_echo(monkeypatch, capsys) -> None:
    with people() as hub:
        for word, status in (("wrong", 2), ("right", 0)):
            type_in(monkeypatch, "ada\n", terminal=True)
            monkeypatch.setattr("getpass.getpass", lambda _, word=word: word)
            assert main(["login", hub]) == status
            out, err = capsys.readouterr()
            assert word not in (out + err).replace("password is wrong", "")
        assert find_token(hub) == TOKEN
    type_in(monkeypatch, "ada\n")
    assert main(["login", hub]) == 2
    assert "--token-stdin" in capsys.readouterr().err


def test_a_password_goes_nowhere_that_the_hub_points_to(monkeypatch, capsys) -> None:
    with people() as away, people() as hub:
        monkeypatch.setattr(People, "away", away)
        type_in(monkeypatch, "ada\n", terminal=True)
        monkeypatch.setattr("getpass.getpass", lambda _: "right")
        assert main(["login", f"{hub}/elsewhere"]) == 3
        assert find_token(away) is find_token(hub) is None


def test_an_open_line_to_another_machine_is_refused(monkeypatch, capsys) -> None:
    type_in(monkeypatch, f"{TOKEN}\n")
    assert main(["login", "http://hub.example.org", "--token-stdin"]) == 2
    assert "not encrypted" in capsys.readouterr().err
    assert main(["login", "ftp://hub.example.org", "--token-stdin"]) == 2


def test_a_token_of_the_environment_is_for_the_hub_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLCOMMONS_TOKEN", "mine")
    assert find_token("https://any.org") == "mine"
    # A folder that was downloaded from somewhere is nobody's word.
    assert find_token("https://any.org", named=False) is None
    monkeypatch.setenv("CELLCOMMONS_HUB", "https://hub.org/")
    assert find_token("https://hub.org:443", named=False) == "mine"
    assert find_token("https://any.org") is None
    assert find_token("/a/folder") is None


def test_a_folder_from_a_stranger_gets_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore(tmp_path / "store")
    with serving(seal(store, items_in(store, 2))) as hub:
        Client(hub.address).download("lab/noise@1", tmp_path / "noise")
        monkeypatch.setenv("CELLCOMMONS_TOKEN", TOKEN)
        assert main(["sync", str(tmp_path / "noise")]) == 0
        assert hub.seen_tokens == {None}
        assert main(["sync", str(tmp_path / "noise"), "--hub", hub.address]) == 0
        assert f"Token {TOKEN}" in hub.seen_tokens


def test_a_file_that_others_can_read_or_that_is_damaged_is_refused() -> None:
    keep_token("https://hub.org", TOKEN)
    keep_token("https://other.org", "other")
    assert forget_token("https://other.org")
    assert not forget_token("https://other.org")
    assert find_token("https://hub.org") == TOKEN
    tokens_file().chmod(0o640)
    with pytest.raises(InvalidDocument, match="chmod 600"):
        find_token("https://hub.org")
    tokens_file().chmod(0o600)
    tokens_file().write_text("{")
    with pytest.raises(InvalidDocument, match="damaged"):
        find_token("https://hub.org")


@pytest.mark.skipif(importlib.util.find_spec("keyring") is None, reason="the extra keyring is not installed")
def test_a_keyring_goes_before_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "keyring")
    import keyring.backend  # an extra

    class Held(keyring.backend.KeyringBackend):
        priority = 1
        kept: dict[tuple[str, str], str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del self.kept[service, username]

    keyring.set_keyring(Held())
    assert keep_token("https://hub.org", TOKEN) == "the keyring"
    assert not os.path.exists(tokens_file())
    assert credentials.find_token("https://hub.org") == TOKEN
    assert forget_token("https://hub.org")
    assert not Held.kept
