"""Trees of settings as slash paths, and changes laid over them."""

from collections.abc import Mapping


def flatten(tree: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """A tree of mappings as slash paths: ``{"a": {"b": 1}}`` becomes ``{"a/b": 1}``."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        path = f"{prefix}/{key}" if prefix else str(key)
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, path))
        else:
            flat[path] = value
    return flat


def overlay(tree: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """A copy of `tree` with slash-path `changes` laid over it; a scalar in the way of a path is replaced."""
    result: dict[str, object] = {
        key: overlay(value, {}) if isinstance(value, Mapping) else value for key, value in tree.items()
    }
    for path, value in changes.items():
        *parents, leaf = path.split("/")
        node = result
        for parent in parents:
            below = node.get(parent)
            if not isinstance(below, dict):
                below = node[parent] = {}
            node = below
        node[leaf] = value
    return result
