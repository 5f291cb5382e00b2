"""Trees of settings as slash paths, and changes laid over them."""

from collections.abc import Mapping
from typing import Any


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A tree of mappings as slash paths: ``{"a": {"b": 1}}`` becomes ``{"a/b": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{prefix}/{key}" if prefix else str(key)
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, path))
        else:
            flat[path] = value
    return flat


def overlay(tree: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `tree` with slash-path `changes` laid over it; a scalar in the way of a path is replaced."""
    result: dict[str, Any] = {
        key: overlay(value, {}) if isinstance(value, Mapping) else value for key, value in tree.items()
    }
    for path, value in changes.items():
        *parents, leaf = path.split("/")
        node = result
        for parent in parents:
            if not isinstance(node.get(parent), dict):
                node[parent] = {}
            node = node[parent]
        node[leaf] = value
    return result
