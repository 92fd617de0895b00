"""How the layers of a saved model are called: on what other layers give, and not too often.

Keras calls a layer while it opens a file. On the output of another layer it only works out shapes; on a constant it
computes, and one number can be padded to terabytes. A model in a model is gone through at each of its calls, so a few
levels of them make billions of calls.
"""

from typing import Any

_MOST_CALLS = 100_000


def check_calls(config: dict[str, Any]) -> None:
    """Raises a ValueError where a layer is called on a constant, or layers are called too often.

    Args:
        config: A model's configuration; it is not nested more deeply than Python can follow.
    """
    if _calls(config) > _MOST_CALLS:
        raise ValueError(f"its layers are called more than {_MOST_CALLS:,} times")


def _calls(config: Any) -> int:
    """Returns how many calls one call of what a configuration describes makes."""
    if isinstance(config, list):
        return sum(_calls(one) for one in config)
    if not isinstance(config, dict):
        return 0
    inner = sum(_calls(one) for name, one in config.items() if name != "inbound_nodes")
    if "inbound_nodes" not in config:
        return inner
    nodes = config["inbound_nodes"]
    if not isinstance(nodes, list):
        raise ValueError("the calls of a layer are no list")
    for node in nodes:
        if not isinstance(node, dict) or not _has_tensor(node):
            raise ValueError("a layer is called on something else than another layer's output")
        if _has_constant(node):
            raise ValueError("a layer is called with an array that lies in the configuration")
    return max(1, len(nodes)) * (1 + inner)


def _has_tensor(value: Any) -> bool:
    """Returns whether Keras finds another layer's output: it looks through lists and plain dictionaries."""
    if isinstance(value, list):
        return any(_has_tensor(one) for one in value)
    if not isinstance(value, dict):
        return False
    if "class_name" in value:
        return bool(value["class_name"] == "__keras_tensor__")
    return any(_has_tensor(one) for one in value.values())


def _has_constant(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("class_name") in ("__tensor__", "__numpy__") or _has_constant(list(value.values()))
    return isinstance(value, list) and any(_has_constant(one) for one in value)
