"""pydantic's errors -> one line a fault: where, which key, what is wrong, what is allowed, the nearest match."""

import reprlib
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from kbin.config.experiment import ExperimentConfig
from kbin.errors import unknown_name
from kbin.yaml_text import KeyPath

_EXPECTED = {
    "model_type": "a section with keys of its own",
    "dict_type": "a section with keys of its own",
    "tuple_type": "a list",
    "string_type": "text",
    "path_type": "a path",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}
_WORDS = {None: "nothing", True: "true", False: "false"}

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother, _short.maxlong = 2, 60, 60, 60


def fault_lines(error: ValidationError, settings: Any, where: Callable[[KeyPath], str]) -> list[str]:
    """Returns a line a fault; what merely follows from a fault further inside is left out.

    Args:
        error: What `ExperimentConfig` made of the settings.
        settings: The settings as a person wrote them.
        where: Returns the place of a key ("line 3"), or "".
    """
    by_key: dict[KeyPath, list[Any]] = {}
    faults = error.errors(include_url=False)
    places = [fault["loc"] for fault in faults]
    for fault in faults:
        if any(_is_inside(other, fault["loc"]) for other in places):
            continue
        by_key.setdefault(_written_key(fault, settings), []).append(fault)
    return [
        _describe(key, faults, where(key))
        for key, faults in by_key.items()
        if not any(_is_inside(other, key) for other in by_key)
    ]


def _is_inside(key: KeyPath, section: KeyPath) -> bool:
    return len(key) > len(section) and key[: len(section)] == section


def _written_key(fault: Any, settings: Any) -> KeyPath:
    """Returns the keys of a fault's place that are in the settings; pydantic adds names of alternatives."""
    kept: list[str | int] = []
    node = settings
    for part in fault["loc"]:
        is_there = part in node if isinstance(node, dict) else isinstance(node, list) and isinstance(part, int)
        if is_there:
            kept.append(part)
            node = node[part]
    return (*kept, fault["loc"][-1]) if fault["type"] == "missing" else tuple(kept)


def _describe(key: KeyPath, faults: list[Any], place: str) -> str:
    prefix = "".join(f"{part}: " for part in (place, ".".join(map(str, key))) if part)
    first = faults[0]
    if first["type"] == "extra_forbidden":
        return prefix + unknown_name("key", str(key[-1]), _allowed_keys(key[:-1]))
    if first["type"] == "missing":
        return f"{prefix}this key is required"
    stated = [str(fault["ctx"]["error"]) for fault in faults if fault["type"] == "value_error"]
    if stated:
        return prefix + stated[0]
    expected = dict.fromkeys(_expected(fault) for fault in faults)
    given = first["input"]
    hint = " (quotes make it text)" if isinstance(given, bool) and "text" in expected else ""
    shown = _WORDS[given] if given is None or isinstance(given, bool) else _short.repr(given)
    return f"{prefix}should be {' or '.join(expected)}; got {shown}{hint}"


def _expected(fault: Any) -> str:
    if fault["type"] == "too_short":
        return f"a list of at least {fault['ctx']['min_length']}"
    message = str(fault["msg"])
    return _EXPECTED.get(fault["type"], message.removeprefix("Input should be "))


def _allowed_keys(key: KeyPath) -> list[str]:
    annotation: Any = ExperimentConfig
    for part in key:
        annotation = _step(annotation, part)
    return [name for section in _sections(annotation) for name in section.model_fields]


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """Returns the sections of settings among the alternatives of `annotation`."""
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return [choice for choice in choices if isinstance(choice, type) and issubclass(choice, BaseModel)]


def _step(annotation: Any, part: str | int) -> Any:
    """Returns the annotation of the key `part` below `annotation`, None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return field.annotation if field else None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _step(arguments[0], part)
    if origin in (Union, UnionType):
        return next((step for choice in arguments if (step := _step(choice, part)) is not None), None)
    if origin is tuple:
        return arguments[0]
    return arguments[1] if origin is dict else None
