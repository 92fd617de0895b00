"""The pickles of a PyTorch file, looked through before torch reads them: they may describe tensors, and nothing else.

Torch's restricted loader runs no foreign code, but it calls constructors that take any amount of memory
(`bytearray(10**11)`), copies what is named once as often as it is asked to, and takes nested tuples for keys, which
can take years to hash. So the steps of a pickle are followed here with stand-ins for its values: a state dict, or a
checkpoint that holds some, needs dictionaries, plain values, and a handful of calls.
"""

import pickletools
from collections.abc import Iterator
from typing import Any, BinaryIO

_MOST_STEPS = 1_000_000  # some 30 a tensor
_MOST_STATES = 64  # each may copy a whole dictionary; a state dict has one, for its versions
_MOST_DIMENSIONS = 8

_SIMPLE = {"BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING", "LONG1"}
_CONSTANTS = {"NONE": None, "NEWFALSE": False, "NEWTRUE": True, "EMPTY_TUPLE": ()}
_VALUES = {*_SIMPLE, *_CONSTANTS, "GLOBAL", "EMPTY_DICT", "EMPTY_LIST"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_REBUILDERS = ("_rebuild_tensor", "_rebuild_tensor_v2")


class _Name(str):
    """A class or function of the pickle, by its full name."""

    __slots__ = ()


class _Stand:
    """Stands for a value that torch would make."""

    def __init__(self, kind: str):
        self.kind = kind


def check_pickle(stream: BinaryIO) -> Any:
    """Follows one pickle up to its end, and raises a ValueError where it does more than describe tensors.

    Args:
        stream: Stands at the beginning of the pickle, and behind it afterwards.

    Returns:
        The pickled value where it is plain; something that stands for it otherwise.
    """
    return _Steps().follow(stream)


def claimed_values(stream: BinaryIO) -> int:
    """Checks one pickle like `check_pickle`; returns how many numbers its storages claim to have."""
    steps = _Steps()
    steps.follow(stream)
    return sum(steps.claimed.values())


class _Steps:
    """The stack and the memo of a pickle, with stand-ins."""

    def __init__(self) -> None:
        self.claimed: dict[str, int] = {}  # storage -> numbers
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks under the marks
        self._memo: dict[int, Any] = {}
        self._states = 0

    def follow(self, stream: BinaryIO) -> Any:
        for step, argument in _steps(stream):
            if step == "STOP":
                return self._stack.pop()
            self._take(step, argument)
        raise ValueError("it ends in the middle of its description")

    def _take(self, step: str, argument: Any) -> None:
        stack = self._stack
        if step in _VALUES:
            stack.append(_value(step, argument))
        elif step in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif step in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif step == "MARK":
            self._below.append(stack)
            self._stack = []
        elif step == "TUPLE":
            items = self._since_mark()
            self._stack.append(tuple(items))
        elif step in _TUPLES:
            stack[-_TUPLES[step] :] = [tuple(stack[-_TUPLES[step] :])]
        elif step == "BINPERSID":
            stack.append(self._storage(stack.pop()))
        elif step == "REDUCE":
            arguments = stack.pop()
            stack.append(_call(stack.pop(), arguments))
        elif step != "PROTO":
            self._fill(step)

    def _fill(self, step: str) -> None:
        if step in ("SETITEMS", "APPENDS"):
            items = self._since_mark()
        elif step in ("SETITEM", "APPEND", "BUILD"):
            number = 2 if step == "SETITEM" else 1
            items, self._stack[-number:] = self._stack[-number:], []
        else:
            raise ValueError(f"it holds a step, {step}, that no state dict needs")
        kind = "EMPTY_LIST" if step.startswith("APPEND") else "EMPTY_DICT"
        if not isinstance(self._stack[-1], _Stand) or self._stack[-1].kind != kind:
            raise ValueError("it fills something that is no list or dictionary")
        if step == "BUILD":
            self._states += 1
        elif kind == "EMPTY_DICT" and not all(type(key) in (str, int) for key in items[::2]):
            raise ValueError("a key in it is neither a text nor a number")
        if self._states > _MOST_STATES:
            raise ValueError(f"more than {_MOST_STATES} of its dictionaries have attributes")

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def _storage(self, what: Any) -> _Stand:
        # Torch finds the parts of a zip by their names whether large or small letters, so "a" and "A" would be one
        # part in two copies. Its own keys are numbers.
        match what:
            case ("storage", _Name(), str(key), str(), int(number), *view) if key.isdecimal() and number >= 0:
                if view in ([], [None]):
                    self.claimed[key] = max(number, self.claimed.get(key, 0))
                    return _Stand("storage")
        raise ValueError("it refers to something that is no storage of a tensor")


def _steps(stream: BinaryIO) -> Iterator[tuple[str, Any]]:
    for number, (step, argument, _) in enumerate(pickletools.genops(stream)):
        if number == _MOST_STEPS:
            raise ValueError(f"its description takes more than {_MOST_STEPS:,} steps")
        yield step.name, argument


def _value(step: str, argument: Any) -> Any:
    """Returns what a step puts on the stack."""
    if step in _CONSTANTS:
        return _CONSTANTS[step]
    if step == "GLOBAL":
        return _Name(argument.replace(" ", "."))
    return argument if step in _SIMPLE else _Stand(step)


def _call(name: Any, arguments: Any) -> _Stand:
    """Returns what stands for a call's result."""
    if isinstance(name, _Name) and isinstance(arguments, tuple):
        module, _, function = name.rpartition(".")
        if name == "collections.OrderedDict" and arguments == ():
            return _Stand("EMPTY_DICT")
        if module == "torch._utils" and function in _REBUILDERS and _is_tensor(arguments):
            return _Stand("tensor")
        if name == "torch._utils._rebuild_parameter" and len(arguments) == 3 and _is(arguments[0], "tensor"):
            return _Stand("tensor")
        if name == "torch.Size" and len(arguments) == 1 and _is_shape(arguments[0]):
            return _Stand("size")
    shown = name if isinstance(name, _Name) else "something of its own"
    raise ValueError(
        f"it calls {shown[:60]!r} for more than a tensor. kbin takes weights alone: save them with "
        "`torch.save(model.state_dict(), path)`"
    )


def _is_tensor(arguments: tuple[Any, ...]) -> bool:
    match arguments:
        case (_Stand(kind="storage"), int(), size, stride, *_):
            return _is_shape(size) and _is_shape(stride)
    return False


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) <= _MOST_DIMENSIONS and all(type(one) is int for one in value)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _Stand) and value.kind == kind
