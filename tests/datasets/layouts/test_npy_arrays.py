"""Arrays that strangers send: honest ones come back as NumPy gives them, hostile ones are refused in little memory."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellcommons.errors import CellCommonsError, NotFound, TooLarge, UnreadableFile, WrongFormat
from cellcommons.layouts.npy_arrays import open_npz, read_npy
from cellcommons.layouts.npy_objects import parse_object_array

SEG = {
    "masks": np.arange(12, dtype=np.uint16).reshape(3, 4),
    "flows": [np.zeros((2, 3, 3), np.float32), [], np.asfortranarray(np.arange(6.0).reshape(2, 3))],
    "chan_choose": [0, 0],
    "filename": "/data/a µ.tif",
    "ismanual": np.array([True, False]),
    "est_diam": np.float64(17.5),
    "n": np.int64(-3),
    "none": None,
    "big": np.arange(3, dtype=">i4"),
    "words": np.array(["ab", "c"]),
    "mixed": np.array([1, "a", None, [2.5]], dtype=object),
    "pair": (1, 2.0, b"raw", True),
}


def same(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, np.ndarray):
        if got.dtype != wanted.dtype or got.shape != wanted.shape:
            return False
        if wanted.dtype == object:
            return all(same(a, b) for a, b in zip(got.ravel(), wanted.ravel(), strict=True))
        return np.array_equal(got, wanted)
    if isinstance(wanted, dict):
        return list(got) == list(wanted) and all(same(got[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list | tuple):
        return type(got) is type(wanted) and len(got) == len(wanted) and all(map(same, got, wanted))
    return bool(got == wanted)


def saved(tmp_path: Path, value: Any, name: str = "a.npy") -> Path:
    np.save(tmp_path / name, value)
    return tmp_path / name


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_dict_of_arrays_comes_back_without_pickle(protocol: int, tmp_path: Path) -> None:
    pickled = pickle.dumps(np.array(SEG, dtype=object), protocol=protocol)
    assert same(parse_object_array(pickled, where="a").item(), SEG)
    # As the NumPy before 2 wrote it: the same names in another module.
    old = pickled.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    if protocol < 4:
        assert same(parse_object_array(old, where="a").item(), SEG)
    assert same(read_npy(saved(tmp_path, SEG), objects=True).item(), SEG)


def test_shared_values_are_shared_and_not_counted_twice(tmp_path: Path) -> None:
    one = np.ones((2, 2))
    got = read_npy(saved(tmp_path, {"a": one, "b": one, "c": [[1], [1]]}), objects=True).item()
    assert got["a"] is got["b"]


@given(
    array=hnp.arrays(
        st.one_of(hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes(), hnp.boolean_dtypes()),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    fortran=st.booleans(),
)
@hypothesis_settings(max_examples=60)
def test_plain_arrays_are_read_as_numpy_reads_them(array: Any, fortran: bool, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    np.save(path, np.asfortranarray(array) if fortran else array)
    wanted, got = np.load(path), read_npy(path)
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)


def test_npz_arrays_by_name(tmp_path: Path) -> None:
    x, y = np.arange(24.0).reshape(2, 3, 4), np.array(["a", "bc"])
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", X=x, y=y, o=np.array([None]))
        with open_npz(tmp_path / "a.npz") as npz:
            assert npz.names == ("X", "y", "o")
            assert npz.header("X").shape == (2, 3, 4)
            np.testing.assert_array_equal(npz.read("X"), x)
            np.testing.assert_array_equal(npz.read("y"), y)
            with pytest.raises(WrongFormat, match="Python objects"):
                npz.read("o")
            with pytest.raises(NotFound, match="X, y, o"):
                npz.read("z")
            with pytest.raises(TooLarge):
                npz.read("X", max_bytes=10)


class Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.parts = function, arguments

    def __reduce__(self) -> Any:
        return self.parts


def wrapped(*values: Any) -> bytes:
    """An honest array of objects around what a stranger put into it."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return pickle.dumps(array, protocol=4)


PROTO = b"\x80\x04"


@pytest.mark.parametrize(
    ("pickled", "what"),
    [
        (wrapped(Calls(os.system, "touch hacked")), "posix.system"),
        (wrapped(Calls(eval, "1")), "builtins.eval"),
        (wrapped(np.dtype([("a", "i4")])), "opcode|records|type|name"),
        (wrapped({1, 2}), "opcode EMPTY_SET"),
        (wrapped({1: 2}), "key of type int"),
        (wrapped(1 << 70), "more than 64 bits"),
        (wrapped(complex(1, 2)), "builtins.complex"),
        (wrapped(Path("a")), "pathlib"),
        (b"cos\nsystem\n(S'touch hacked'\ntR.", "os.system"),
        (PROTO + b"]\x94h\x00a.", "within itself"),
        (PROTO + b")" + b"\x85" * 100_000 + b".", "nested"),
        (PROTO + b"]\x94.", "no NumPy array"),
        (PROTO + b"\x8b\xff\xff\xff\x7f" + b"1", "truncated|opcode"),
        (PROTO + b"\x8e" + b"\xff" * 8, "truncated"),
        (PROTO + b"N" * (2_000_001) + b".", "more than 2,000,000"),
        (PROTO + b"N", "truncated"),
        (b"", "truncated"),
        (b"garbage", "truncated|opcode"),
        (PROTO + b"Nb.", "truncated|no array"),
        (PROTO + b"Q.", "opcode|truncated"),
        (PROTO + b"(NNR.", "a call|truncated"),
        (PROTO + b"Nr\xff\xff\xff\xff.", "senseless place"),
    ],
)
def test_hostile_pickles_are_refused_and_nothing_runs(
    pickled: bytes, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CellCommonsError, match=what):
        parse_object_array(pickled, where="a.npy")
    assert list(tmp_path.iterdir()) == []


def test_lists_that_hold_one_another_twice_are_refused_without_being_walked() -> None:
    """Billion laughs: each level holds the one before ten times."""
    laughs = PROTO + b"(]\x94"
    for level in range(40):
        laughs += b"](" + b"h" + bytes([level]) + (b"h" + bytes([level])) * 9 + b"e\x94"
    with pytest.raises(TooLarge, match="expand to more"):
        parse_object_array(laughs + b"t.", where="a.npy")


def array_pickle(shape: tuple[int, ...], code: str, data: Any) -> bytes:
    """The pickle of an array that says ``shape`` and ``code`` of ``data``, whatever these are."""
    head = pickle.dumps(np.zeros(1, np.uint8), protocol=4)
    text = pickle.dumps((1, shape, "CODE", False, data), protocol=4)
    # Replay the constructor of an honest array, then set the state by hand.
    start = head[: head.index(b"R") + 1]
    state = text[11:-1].replace(b"\x8c\x04CODE\x94", b"\x8c\x05numpy\x8c\x05dtype\x93\x8c" + bytes([len(code)]) + code.encode() + b"\x89\x88\x87R")  # noqa: E501  # fmt: skip
    return start + state + b"b."


@pytest.mark.parametrize(
    ("shape", "code", "data"),
    [
        ((1 << 39, 1 << 39), "u1", b"ab"),
        ((3,), "u1", b"ab"),
        ((-1,), "u1", b""),
        ((2,), "O8", [1]),
        ((2,), "U0", b""),
        ((1 << 39,), "U0", b""),
        ((2,), "V8", b"1234567812345678"),
        ((2,), "u1", [1, 2]),
        ((1.5,), "u1", b"a"),  # type: ignore[arg-type]
        ((1,) * 40, "u1", b"a"),
    ],
)
def test_arrays_that_lie_about_themselves_are_refused(shape: Any, code: str, data: Any) -> None:
    honest = parse_object_array(array_pickle((2,), "u1", b"ab"), where="a.npy")
    assert honest.tolist() == [97, 98]
    with pytest.raises(CellCommonsError):
        parse_object_array(array_pickle(shape, code, data), where="a.npy")


def header(text: str, version: int = 1) -> bytes:
    packed = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + packed + text.encode("latin1")


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", UnreadableFile),
        (b"\x93NUMPY", WrongFormat),
        (b"PK\x03\x04 is a zip", WrongFormat),
        (b"\x93NUMPY\x09\x00", WrongFormat),
        (header(GOOD)[:20], UnreadableFile),
        (header(GOOD) + b"\0" * 11, UnreadableFile),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", TooLarge),
        (header("__import__('os').system('x')"), UnreadableFile),
        (header(GOOD.replace("(3,)", "(" * 50 + ")" * 50)), UnreadableFile),
        (header(GOOD.replace("3", "-3")), UnreadableFile),
        (header(GOOD.replace("3", "99999999999, 99999999999, 99999999999")), TooLarge),
        (header(GOOD.replace("3", "99999999999")), UnreadableFile),
        (header(GOOD.replace("<f4", "<c8")) + b"\0" * 24, WrongFormat),
        (header(GOOD.replace("'<f4'", "[('a', '<f4')]")) + b"\0" * 12, WrongFormat),
        (header(GOOD.replace("<f4", "<M8")) + b"\0" * 24, WrongFormat),
        (header(GOOD.replace("<f4", "|O")) + b"cos\nsystem\n.", WrongFormat),
        (header(GOOD.replace("'shape'", "'shape': (1,), 'shape'")) + b"\0" * 12, UnreadableFile),
    ],
)
def test_damaged_headers_are_refused_before_memory_is_taken(content: bytes, kind: type[Any], tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(kind, match=r"a\.npy"):
        read_npy(path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    with pytest.raises(NotFound):
        read_npy(tmp_path / "none.npy")


def test_a_zip_that_unpacks_to_more_than_it_can_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", header(GOOD.replace("3", "1000000")) + b"\0" * 4_000_000)
    with open_npz(tmp_path / "a.npz") as npz:
        assert npz.read("X").shape == (1_000_000,)
        with pytest.raises(TooLarge):
            npz.read("X", max_bytes=1_000_000)
    data = (tmp_path / "a.npz").read_bytes()
    lying = data.replace(struct.pack("<I", 4_000_000 + len(header(GOOD.replace("3", "1000000")))), b"\xff\xff\xff\x7f")
    (tmp_path / "b.npz").write_bytes(lying)
    with pytest.raises(UnreadableFile, match="packed"), open_npz(tmp_path / "b.npz") as npz:
        npz.read("X")
    (tmp_path / "c.npz").write_bytes(data[:-30])
    with pytest.raises(UnreadableFile), open_npz(tmp_path / "c.npz") as npz:
        npz.read("X")


def _mutated(data: bytes, draw: Any) -> bytes:
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(changed) - 1))
        kind = draw(st.sampled_from(["set", "cut", "insert", "repeat"]))
        if kind == "set":
            changed[place] = draw(st.integers(0, 255))
        elif kind == "cut":
            del changed[place : place + draw(st.integers(1, 16))]
        elif kind == "insert":
            changed[place:place] = draw(st.binary(max_size=8))
        else:
            changed[place:place] = changed[place : place + draw(st.integers(1, 32))]
        if not changed:
            break
    return bytes(changed)


def _npz() -> bytes:
    into = io.BytesIO()
    np.savez_compressed(into, X=np.zeros((2, 3, 3, 2), np.float32), y=np.ones((2, 3, 3, 1), np.int32))
    return into.getvalue()


def _npy(value: Any) -> bytes:
    into = io.BytesIO()
    np.save(into, value)
    return into.getvalue()


SEEDS = (_npy(SEG), _npy(np.arange(12, dtype=np.int16).reshape(3, 4)), _npz())


@given(data=st.data())
@hypothesis_settings(max_examples=int(os.environ.get("CELLCOMMONS_FUZZ", "150")))
def test_mutated_files_are_read_or_refused(data: st.DataObject, tmp_path_factory: Any) -> None:
    number = data.draw(st.integers(0, 2))
    content = _mutated(SEEDS[number], data.draw)
    path = tmp_path_factory.getbasetemp() / "mutated.npy"
    path.write_bytes(content)
    try:
        if number == 2:
            with open_npz(path) as npz:
                for name in npz.names:
                    npz.read(name, max_bytes=1 << 24)
        else:
            read_npy(path, objects=True, max_bytes=1 << 24)
    except CellCommonsError:
        pass  # any other error, or the machine's memory, is what this looks for
