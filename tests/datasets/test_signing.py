"""Who signed a release: known, another, changed on its way, missing."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_release import serving, small_release

from cellcommons.cli import main
from cellcommons.client import Client
from cellcommons.download_settings import DownloadSettings
from cellcommons.errors import BadSignature, InvalidDocument
from cellcommons.folder import ReleaseFolder
from cellcommons.release import Release
from cellcommons.signing import Signature, check_signature, public_key, read_key, sign_manifest
from cellcommons.store import FolderStore

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
PRIVATE = secrets.token_hex(32)
OTHER = secrets.token_hex(32)


def test_rfc_8032_first_vector() -> None:
    """Section 7.1, test 1: the public key of a known seed."""
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    assert public_key(seed) == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@given(digests, digests, digests)
def test_only_the_key_that_signed_and_what_it_signed(manifest: str, other: str, private: str) -> None:
    signature = sign_manifest(manifest, private)
    assert signature == sign_manifest(manifest, private)
    assert Signature.parse(signature.to_bytes()) == signature
    check_signature(signature, manifest, {public_key(private)})
    if other != manifest:
        with pytest.raises(BadSignature, match="another manifest"):
            check_signature(signature, other, {public_key(private)})
        moved = Signature(other, signature.key, signature.signature)
        with pytest.raises(BadSignature, match="does not fit"):
            check_signature(moved, other, {public_key(private)})
    with pytest.raises(BadSignature, match="not trusted"):
        check_signature(signature, manifest, {public_key(OTHER)})


@given(digests, st.integers(0, 511))
def test_any_flipped_bit_is_found(manifest: str, bit: int) -> None:
    signature = sign_manifest(manifest, PRIVATE)
    data = bytearray.fromhex(signature.signature)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature, match="does not fit"):
        check_signature(Signature(manifest, signature.key, data.hex()), manifest, {signature.key})


@pytest.mark.parametrize("bad", ["", "x" * 64, "ab" * 31, "/no/such/file"])
def test_what_is_no_key_is_refused(bad: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument):
        sign_manifest("a" * 64, bad)
    with pytest.raises(InvalidDocument):
        read_key(bad)
    (tmp_path / "key").write_text(public_key(PRIVATE).upper() + "\n")
    assert read_key(str(tmp_path / "key")) == public_key(PRIVATE)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return small_release(FolderStore(tmp_path / "store"), count=3, size=16)


def test_download_and_verify_check_it(release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference, key, folder = release.manifest.reference, public_key(PRIVATE), tmp_path / "copy"
    with serving(release) as hub:
        command = ["download", reference, str(folder), "--hub", hub.address]
        assert main([*command, "--key", key]) == 1
        assert "not signed" in capsys.readouterr().err
        assert not (folder / "release.json").exists()
        assert Client(hub.address).download(reference, folder).signed_by is None
        assert main(["verify", str(folder), "--key", key]) == 1
        assert "not signed" in capsys.readouterr().err

        hub.signature = sign_manifest(release.digest, PRIVATE).to_bytes()
        assert main(command) == 1, "the hub does not list that key"
        assert "not trusted" in capsys.readouterr().err
        hub.keys = [public_key(OTHER), key]
        assert main([*command, "--json"]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["signed_by"] == key
        assert main([*command, "--key", key]) == 0
        assert main([*command, "--key", public_key(OTHER)]) == 1
        assert "not trusted" in capsys.readouterr().err

        hub.signature = sign_manifest("a" * 64, PRIVATE).to_bytes()
        assert main(command) == 1
        assert "another manifest" in capsys.readouterr().err

    assert main(["verify", str(folder), "--key", key]) == 0
    assert main(["verify", str(folder), "--key", public_key(OTHER)]) == 1
    # A download is a mirror that carries the signature on.
    mirror = str(folder / ".cellcommons")
    done = Client(mirror).download(reference, tmp_path / "second", DownloadSettings(key=key))
    assert done.signed_by == key
    kept = folder / ".cellcommons" / "signature.json"
    kept.write_bytes(kept.read_bytes().replace(b'"signature":"', b'"signature":"0')[:-3] + b'"}')
    capsys.readouterr()
    assert main(["verify", str(folder), "--key", key]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) >= 1
    ReleaseFolder(folder).keep_signature(None)
    assert ReleaseFolder(folder).signature() is None
