"""YAML 1.2 text -> plain dicts, lists and scalars, and the line of each; a tag is refused, never obeyed."""

import unicodedata
import warnings
from dataclasses import dataclass
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kbin.errors import ConfigError

KeyPath = tuple[str | int, ...]

MAX_DEPTH = 30
_MOST_BITS = 64

_CORE = "tag:yaml.org,2002:"
_MERGE = f"{_CORE}merge"
# What YAML 1.2 knows; its dates and `=` are those of YAML 1.1, and text here.
_PLAIN_TAGS = frozenset(_CORE + kind for kind in ("null", "bool", "int", "float"))
_TEXT_TAGS = frozenset(_CORE + kind for kind in ("str", "timestamp", "value"))


@dataclass(frozen=True)
class Document:
    """What a YAML text holds.

    Attributes:
        value: Made of dict (keys are text, as written), list, str, int, float, bool and None; parts that the text
            repeats by an alias are one object.
        root: The text's structure, None where it is empty.
    """

    value: Any
    root: Node | None

    def line(self, key: KeyPath) -> int | None:
        """Returns the line of a key, counted from 1, or of the nearest section around it; None where there is none."""
        line, node = None, self.root
        for part in key:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line


def read_yaml(text: str, origin: str) -> Document:
    """Reads one YAML document.

    Args:
        text: The YAML.
        origin: What messages call it.

    Raises:
        ConfigError: It is not YAML, holds a tag, or is nested too deeply; the message has the line.
    """
    yaml = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an anchor used twice is legal
            root = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{origin}: {where}not valid YAML: {error.problem or error.context}") from None
    except RecursionError:
        raise ConfigError(f"{origin}: nested more than {MAX_DEPTH} levels deep") from None
    except Exception as error:  # ruamel raises nearly anything on damaged text
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"{origin}: not valid YAML: {reason}") from None
    return Document(None if root is None else _Reader(yaml, origin).value(root), root)


class _Reader:
    """Turns nodes into plain values; a node that aliases repeat is read once."""

    def __init__(self, yaml: YAML, origin: str):
        self._constructor, self._origin = yaml.constructor, origin
        self._done: dict[int, Any] = {}
        self._open: list[int] = []
        self._keys: list[str] = []  # that lead to what is read

    def value(self, node: Node) -> Any:
        if id(node) in self._done:
            return self._done[id(node)]
        if id(node) in self._open:
            self._refuse(node, "refers to itself")
        if len(self._open) == MAX_DEPTH:
            self._refuse(node, f"nested more than {MAX_DEPTH} levels deep")
        self._open.append(id(node))
        self._done[id(node)] = self._read(node)
        self._open.pop()
        return self._done[id(node)]

    def _read(self, node: Node) -> Any:
        if isinstance(node, MappingNode) and node.tag == f"{_CORE}map":
            return self._mapping(node)
        if isinstance(node, SequenceNode) and node.tag == f"{_CORE}seq":
            return [self.value(item) for item in node.value]
        if isinstance(node, ScalarNode) and node.tag in _PLAIN_TAGS:
            try:
                return self._number_or_word(node)
            except ValueError:
                self._refuse(node, f"'{node.value[:40]}' cannot be read as {node.tag.removeprefix(_CORE)}{self._at()}")
        if isinstance(node, ScalarNode) and node.tag in _TEXT_TAGS:
            return self._text(node)
        self._refuse(node, f"the tag {str(node.tag).replace(_CORE, '!!')} is not allowed: settings are plain values")

    def _number_or_word(self, node: ScalarNode) -> Any:
        value = self._constructor.construct_object(node)
        # Python refuses to write a number of some thousand digits, which a message or a plan would do.
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            self._refuse(node, f"'{node.value[:40]}' is too large: a number has at most {_MOST_BITS} bits{self._at()}")
        return value

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        own: dict[str, Any] = {}
        inherited: dict[str, Any] = {}
        first_line: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._refuse(key_node, "a key must be text")
            if key_node.tag == _MERGE:
                inherited = self._merged(value_node) | inherited
                continue
            key = self._text(key_node)
            if key in own:
                self._refuse(key_node, f"duplicate key '{key}', first on line {first_line[key]}")
            first_line[key] = key_node.start_mark.line + 1
            self._keys.append(key)
            own[key] = self.value(value_node)
            self._keys.pop()
        return inherited | own

    def _merged(self, node: Node) -> dict[str, Any]:
        """Returns what `<<: *section` or `<<: [*first, *second]` brings in; the first one that has a key wins."""
        sections = [self.value(item) for item in (node.value if isinstance(node, SequenceNode) else [node])]
        merged: dict[str, Any] = {}
        for section in sections:
            if not isinstance(section, dict):
                self._refuse(node, "`<<` takes a section, or a list of sections")
            merged = section | merged
        return merged

    def _text(self, node: ScalarNode) -> str:
        for letter in node.value:
            # Half of a surrogate pair cannot be written; a control character comes back changed, or moves the cursor.
            if unicodedata.category(letter) in ("Cs", "Cc") and letter not in "\t\n\r":
                self._refuse(node, f"the character {letter!r} is not allowed in text")
        return str(node.value)

    def _at(self) -> str:
        return f", at '{'.'.join(self._keys)}'" if self._keys else ""

    def _refuse(self, node: Node, fault: str) -> NoReturn:
        raise ConfigError(f"{self._origin}: line {node.start_mark.line + 1}: {fault}")


def _child(node: Node | None, part: str | int) -> tuple[int, Node] | None:
    """Returns the line of a key or list item, and its value."""
    if isinstance(node, MappingNode):
        for key_node, value_node in node.value:
            if key_node.value == str(part):
                return key_node.start_mark.line + 1, value_node
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None
