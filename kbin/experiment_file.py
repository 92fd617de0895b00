"""YAML -> ExperimentConfig: all faults in one message, each with line, key, what is allowed and the nearest match."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from kbin.config import ExperimentConfig
from kbin.errors import ConfigError, unknown_name

KeyPath = tuple[str | int, ...]


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Reads an experiment file.

    Args:
        path: The YAML file; paths inside it are relative to its folder.
        overrides: `key.subkey=value` texts, the value in YAML, which take the place of the file's settings.

    Raises:
        ConfigError: The file cannot be read, or holds faults; the message lists all of them.
    """
    document = _parse(_read(path), path)
    if not isinstance(document, CommentedMap):
        raise ConfigError(f"{path}: an experiment is a mapping with the keys name, data, models; see `kbin schema`.")
    lines: dict[KeyPath, str] = {}
    settings = _plain(document, (), lines)
    for override in overrides:
        _apply(override, settings, lines)
    try:
        return ExperimentConfig.model_validate(settings, context={"folder": path.resolve().parent})
    except ValidationError as error:
        faults = _faults(error, lines)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise ConfigError(f"{path}: {count}\n" + "\n".join(f"  {fault}" for fault in faults)) from None


def dump_experiment(config: ExperimentConfig) -> str:
    """Returns the resolved settings as YAML, in the order in which the sections are declared."""
    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(config.model_dump(mode="json"), stream)
    return stream.getvalue()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = sorted(str(other) for other in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        hint = f" Experiment files there: {', '.join(near)}." if near else ""
        raise ConfigError(f"no experiment file at {path}.{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as UTF-8 text: {error}") from None


def _parse(text: str, origin: object) -> Any:
    try:
        return YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{origin}: {where}not valid YAML: {error.problem or error.context}") from None
    except (YAMLError, ValueError, RecursionError, AttributeError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{origin}: not valid YAML: {first_line}") from None


def _plain(node: Any, key: KeyPath, lines: dict[KeyPath, str]) -> Any:
    """Returns `node` made of plain dicts, lists and scalars, and notes the line of every key."""
    if len(key) > 30:
        raise ConfigError("the file is nested more than 30 levels deep, or refers to itself")
    if isinstance(node, CommentedMap):
        result: dict[Any, Any] = {}
        for name, value in node.items():
            path = (*key, str(name))
            position = node.lc.data.get(name) if node.lc.data else None
            lines[path] = f"line {position[0] + 1}" if position else lines.get(key, "")
            result[str(name)] = _plain(value, path, lines)
        return result
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            position = node.lc.data.get(index) if node.lc.data else None
            lines[(*key, index)] = f"line {position[0] + 1}" if position else lines.get(key, "")
        return [_plain(value, (*key, index), lines) for index, value in enumerate(node)]
    if isinstance(node, TaggedScalar):
        raise ConfigError(f"{lines.get(key, 'the file')}: the tag {node.tag} is not allowed: settings are plain text")
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node if node is None else str(node)


def _apply(override: str, settings: Any, lines: dict[KeyPath, str]) -> None:
    """Writes one `key.subkey=value` into the settings."""
    name, equals, text = override.partition("=")
    if not equals or not name:
        raise ConfigError(f"--set {override}: write it as key.subkey=value, for example training.epochs=3")
    parts: KeyPath = tuple(int(part) if part.isdecimal() else part for part in name.split("."))
    node = settings
    for index, part in enumerate(parts[:-1]):
        key = part if isinstance(node, list) else str(part)
        if isinstance(node, dict) and node.get(key) is None:
            node[key] = {}
        node = _child(node, key, override, ".".join(map(str, parts[: index + 1])))
    last = parts[-1] if isinstance(node, list) else str(parts[-1])
    if isinstance(node, list):
        _child(node, last, override, name)
    if not isinstance(node, list | dict):
        raise ConfigError(f"--set {override}: '{name}' is inside a value, not a section")
    node[last] = _plain(_parse(text, f"--set {override}"), parts, {})  # type: ignore[index]
    lines[(*parts[:-1], last)] = f"--set {name}"


def _child(node: Any, key: str | int, override: str, name: str) -> Any:
    try:
        return node[key]
    except (IndexError, KeyError, TypeError):
        size = f"; there are {len(node)}, counted from 0" if isinstance(node, list) else ""
        raise ConfigError(f"--set {override}: there is no '{name}'{size}") from None


def _faults(error: ValidationError, lines: Mapping[KeyPath, str]) -> list[str]:
    """Returns a line a fault; what follows from another fault, or repeats it for each alternative, is left out."""
    faults = [(_real_key(fault["loc"]), fault) for fault in error.errors()]
    keys = [key for key, _ in faults]
    described: dict[KeyPath, str] = {}
    for key, fault in faults:
        is_consequence = fault["type"] == "too_short" and any(k[: len(key)] == key and k != key for k in keys)
        if is_consequence:
            continue
        if key in described:
            described[key] = described[key].replace("; got ", f" or {_lower(fault['msg'])}; got ", 1)
        else:
            described[key] = _describe(key, fault, lines)
    return list(described.values())


def _lower(message: str) -> str:
    return f"{message[:1].lower()}{message[1:]}".removeprefix("input should be ")


def _describe(key: KeyPath, fault: Any, lines: Mapping[KeyPath, str]) -> str:
    """Returns one fault as a line: where, which key, what is wrong, what is allowed."""
    where = next((lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in lines), "")
    prefix = (f"{where}: " if where else "") + (f"{'.'.join(map(str, key))}: " if key else "")
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return prefix + unknown_name("key", str(key[-1]), _allowed_keys(key[:-1]))
    if kind == "missing":
        return f"{prefix}this key is required"
    if kind == "value_error":
        return prefix + str(fault["ctx"]["error"])
    shown = repr(given) if len(repr(given)) < 60 else f"{repr(given)[:57]}..."
    expected = _lower(fault["msg"])
    verb = "should be " if fault["msg"].startswith("Input should be ") else ""
    return f"{prefix}{verb}{expected}; got {shown}"


def _real_key(location: tuple[str | int, ...]) -> KeyPath:
    """Drops the parts that name an alternative of a union or a function, which no person wrote."""
    kept: list[str | int] = []
    annotation: Any = ExperimentConfig
    for part in location:
        step = _step(annotation, part)
        if step is None and not _sections(annotation):
            continue
        kept.append(part)
        annotation = step
    return tuple(kept)


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
    if origin is tuple and isinstance(part, int):
        return arguments[0]
    if origin is dict and isinstance(part, str) and not part.startswith(("dict[", "literal[")):
        return arguments[1]
    return None


def _allowed_keys(key: KeyPath) -> list[str]:
    annotation: Any = ExperimentConfig
    for part in key:
        annotation = _step(annotation, part)
    return [name for section in _sections(annotation) for name in section.model_fields]
