"""Object arrays of NumPy without pickle: the few opcodes that ``np.save`` of a dict really writes, interpreted here.

``pickle`` is never loaded. What is read: dict, list, tuple, str, bytes, int, float, bool, None, and NumPy's own arrays,
dtypes and scalars, which are rebuilt from their bytes. Nothing that a file names is imported or called; any other
opcode or name is refused. Source of the opcodes: ``pickletools`` of the standard library, protocols 2 to 4.
"""

from __future__ import annotations

import math
import pickletools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellcommons.errors import CellCommonsError, TooLarge, UnreadableFile, WrongFormat

MAX_OPCODES = 2_000_000
MAX_DEPTH = 64
MAX_EXPANDED = 20_000_000
"""Values counted as often as they are reached: what someone who walks the result has to visit."""
MAX_DIMENSIONS = 32
_REMEDY = "Save it as plain arrays (np.savez) or as a TIFF of labels."
_CODE = re.compile(r"b1|[iu][1248]|f[248]|O8?|[US][1-9]\d{0,5}")
_GLOBALS = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    **{(f"numpy.{core}.multiarray", "_reconstruct"): "array" for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): "scalar" for core in ("core", "_core")},
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    )
)
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True)
class _Global:
    """A name that a file may use; ``kind`` says what is done here where it stands."""

    kind: str


@dataclass(eq=False)
class _Dtype:
    """A dtype being rebuilt: ``code`` without byte order."""

    code: str
    order: str = "|"

    def dtype(self) -> np.dtype[Any]:
        one_byte = self.code in ("b1", "i1", "u1", "O", "O8") or self.code[0] == "S"
        return np.dtype("O") if self.code[0] == "O" else np.dtype(("|" if one_byte else self.order) + self.code)


@dataclass(eq=False)
class _Array:
    """An array being rebuilt; ``items`` are its elements where they are objects."""

    value: NDArray[Any] | None = None
    items: list[Any] | None = None
    shape: tuple[int, ...] = ()


_MARK = object()


def parse_object_array(pickled: bytes, *, where: str) -> NDArray[Any]:
    """The array of objects (or numbers) that ``np.save`` pickled.

    Args:
        pickled: what follows the header in the ``.npy``.

    Raises:
        WrongFormat: an opcode or a name that no such file needs; the message names it.
        UnreadableFile: truncated or senseless. TooLarge: too many values, too deep, or one that holds itself.
    """
    try:
        found = _Machine(where).run(pickled)
    except CellCommonsError:
        raise
    except (ValueError, IndexError, TypeError, KeyError, OverflowError, AttributeError, MemoryError) as error:
        raise UnreadableFile(
            f"its pickled values are truncated or damaged ({str(error)[:120]})", where=where, remedy=_REMEDY
        ) from error
    if not isinstance(found, np.ndarray):
        raise WrongFormat("it holds no NumPy array", where=where, remedy=_REMEDY)
    return found


class _Machine:
    """The stack and the memo. Each opcode takes and gives a bounded number of references."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, pickled: bytes) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(pickled)):
            if count >= MAX_OPCODES:
                raise TooLarge(f"it holds more than {MAX_OPCODES:,} values", where=self.where, remedy=_REMEDY)
            if opcode.name == "STOP":
                if len(self.stack) != 1:
                    raise ValueError("values are left over")
                return _settled(self.stack[0], self.where)
            self._step(opcode.name, argument)
        raise ValueError("it ends without STOP")

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _VALUES:
            if isinstance(argument, int) and argument.bit_length() > 64:
                raise TooLarge("a whole number of more than 64 bits", where=self.where, remedy=_REMEDY)
            stack.append(argument)
        elif name in ("MEMOIZE", "BINPUT", "LONG_BINPUT"):
            if stack[-1] is _MARK:
                raise ValueError("a mark is no value")
            place = len(self.memo) if argument is None else argument
            if not 0 <= place < MAX_OPCODES:
                raise ValueError("a value is kept at a senseless place")
            self.memo[place] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _TUPLES:
            stack.append(tuple(self._pop(_TUPLES[name])))
        elif name == "TUPLE":
            stack.append(tuple(self._marked()))
        elif name in ("EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT"):
            stack.append({"EMPTY_TUPLE": (), "EMPTY_LIST": [], "EMPTY_DICT": {}}[name])
        elif name in ("APPEND", "APPENDS"):
            values = self._pop(1) if name == "APPEND" else self._marked()
            self._top(list).extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            values = self._pop(2) if name == "SETITEM" else self._marked()
            target = self._top(dict)
            if len(values) % 2:
                raise ValueError("a key without a value")
            for key, value in zip(values[::2], values[1::2], strict=True):
                # Text alone: numbers can be chosen so that they collide, and nested tuples cost their depth to hash.
                if not isinstance(key, str):
                    raise WrongFormat(f"a key of type {type(key).__name__}", where=self.where, remedy=_REMEDY)
                target[key] = value
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            module, _, attribute = argument.partition(" ") if name == "GLOBAL" else (*self._pop(1, before=1), "", "")
            if name == "STACK_GLOBAL":
                attribute = self._pop(1)[0]
            stack.append(self._global(module, attribute))
        elif name == "REDUCE":
            function, arguments = self._pop(2)
            stack.append(self._reduced(function, arguments))
        elif name == "BUILD":
            (state,) = self._pop(1)
            self._build(stack[-1], state)
        elif name not in ("PROTO", "FRAME"):
            raise WrongFormat(f"the opcode {name} is not read from object arrays", where=self.where, remedy=_REMEDY)

    def _pop(self, count: int, *, before: int = 0) -> list[Any]:
        """The last ``count`` values, or those ``before`` the end; a mark among them is an error."""
        end = len(self.stack) - before
        values = self.stack[end - count : end]
        if len(values) != count or end < count or any(value is _MARK for value in values):
            raise ValueError("values are missing")
        del self.stack[end - count : end]
        return values

    def _marked(self) -> list[Any]:
        place = next((n for n in range(len(self.stack) - 1, -1, -1) if self.stack[n] is _MARK), None)
        if place is None:
            raise ValueError("a mark is missing")
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def _top(self, kind: type[Any]) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f"no {kind.__name__} is there to fill")
        return self.stack[-1]

    def _global(self, module: Any, attribute: Any) -> _Global:
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise ValueError("a name that is no text")
        kind = _GLOBALS.get((module, attribute))
        if kind is None:
            raise WrongFormat(
                f"it names {module[:60]}.{attribute[:60]}, and only arrays are read from object arrays",
                where=self.where,
                remedy=_REMEDY,
            )
        return _Global(kind)

    def _reduced(self, function: Any, arguments: Any) -> Any:
        kind = function.kind if isinstance(function, _Global) else ""
        if kind == "array" and isinstance(arguments, tuple) and len(arguments) == 3:
            if arguments[0] == _Global("ndarray"):
                return _Array()
        elif kind == "dtype" and isinstance(arguments, tuple) and arguments and isinstance(arguments[0], str):
            code = arguments[0]
            if not _CODE.fullmatch(code):
                raise WrongFormat(f"elements of type {code[:40]!r} are not read", where=self.where, remedy=_REMEDY)
            return _Dtype(code)
        elif kind == "scalar" and isinstance(arguments, tuple) and len(arguments) == 2:
            dtype, data = arguments
            if isinstance(dtype, _Dtype) and dtype.code[0] != "O" and isinstance(data, bytes):
                return np.frombuffer(data, dtype=dtype.dtype(), count=1)[0].item()
        elif kind == "encode" and isinstance(arguments, tuple) and len(arguments) == 2:
            text, encoding = arguments
            if isinstance(text, str) and encoding == "latin1":
                return text.encode("latin1")
        raise WrongFormat(f"a call of {kind or 'a value'} that no array needs", where=self.where, remedy=_REMEDY)

    def _build(self, target: Any, state: Any) -> None:
        if isinstance(target, _Dtype) and isinstance(state, tuple) and len(state) in (8, 9):
            if state[1] not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
                raise WrongFormat("arrays of records are not read", where=self.where, remedy=_REMEDY)
            target.order = state[1]
        elif isinstance(target, _Array) and isinstance(state, tuple) and len(state) == 5 and target.value is None:
            _, shape, dtype, fortran, data = state
            _fill(target, shape, dtype, "F" if fortran else "C", data)
        else:
            raise WrongFormat("it sets the state of what is no array", where=self.where, remedy=_REMEDY)


def _fill(target: _Array, shape: Any, dtype: Any, order: Any, data: Any) -> None:
    if not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS or not isinstance(dtype, _Dtype):
        raise ValueError("an array without shape or dtype")
    if not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
        raise ValueError("an array of senseless shape")
    kind = dtype.dtype()
    if kind.kind == "O":
        if not isinstance(data, list) or len(data) != math.prod(shape) or order != "C":
            raise ValueError("an array of objects that are not there")
        target.items, target.shape = data, shape
        target.value = np.empty(0, dtype=object)
    else:
        if not isinstance(data, bytes) or len(data) != math.prod(shape) * kind.itemsize:
            raise ValueError("an array of other bytes than its shape says")
        # An empty array, or one of empty strings, has no bytes to view.
        flat = np.frombuffer(data, dtype=kind) if data else np.empty(math.prod(shape), dtype=kind)
        target.value = flat.reshape(shape, order=order)


def _children(value: Any) -> list[Any] | tuple[Any, ...]:
    if isinstance(value, _Array):
        return value.items or ()
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list | tuple) else ()


def _settled(root: Any, where: str) -> Any:
    """``root`` with arrays in place of what stood for them; checked for cycles, depth and how much it expands to.

    Each container is visited once however often it is shared, so that a file whose lists hold one another twice, level
    by level, costs no more than its bytes.
    """
    done: dict[int, tuple[Any, int, int]] = {}  # id -> what it became, its depth, the values within
    open_: set[int] = set()
    todo: list[tuple[Any, bool]] = [(root, False)]
    while todo:
        value, ready = todo.pop()
        if id(value) in done:
            continue
        inner = _children(value)
        if not ready:
            if id(value) in open_:
                raise TooLarge("it holds a list within itself", where=where, remedy=_REMEDY)
            open_.add(id(value))
            todo.append((value, True))
            todo.extend((child, False) for child in inner if id(child) not in done)
            continue
        open_.discard(id(value))
        parts = [done[id(child)] for child in inner]
        depth = 1 + max((part[1] for part in parts), default=0)
        size = 1 + sum(part[2] for part in parts)
        if depth > MAX_DEPTH or size > MAX_EXPANDED:
            raise TooLarge(
                f"its values are nested more than {MAX_DEPTH} deep or expand to more than {MAX_EXPANDED:,}",
                where=where,
                remedy=_REMEDY,
            )
        done[id(value)] = (_became(value, [part[0] for part in parts]), depth, size)
    return done[id(root)][0]


def _became(value: Any, parts: list[Any]) -> Any:
    if isinstance(value, _Array):
        if value.items is None:
            if value.value is None:
                raise ValueError("an array without content")
            return value.value
        objects = np.empty(len(parts), dtype=object)
        for place, part in enumerate(parts):
            objects[place] = part
        return objects.reshape(value.shape)
    if isinstance(value, dict):
        return dict(zip(value, parts, strict=True))
    if isinstance(value, list):
        return parts
    if isinstance(value, tuple):
        return tuple(parts)
    if isinstance(value, _Global | _Dtype):
        raise ValueError("a name stands where a value should be")
    return value
