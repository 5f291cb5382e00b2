"""A spec as a tree of plain values: short forms written out, `--set` laid over it, paths made absolute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from acgkd.errors import Fault, SpecError, nearest
from sweeps.spec import strict_yaml

# Sections for which a plain word stands for a mapping with this one key.
SHORT_FORMS = {
    "dataset": "name",
    "teacher": "preset",
    "student": "preset",
    "method": "name",
    "sampler": "name",
    "scheduler": "name",
}
# Lists in which a plain word stands for a mapping with `name`.
SHORT_LISTS = ("objectives", "controls")
FILE_PATHS = (("dataset", "root"), ("dataset", "split_file"), ("teacher", "checkpoint"))


@dataclass
class SpecTree:
    """What a spec says, still unchecked.

    Args:
        source: the file, as the user named it.
        value: its tree, as far as it could be read.
        lines: line of the file of every slash path.
        text: the file as it is, or with every `--set` written in.
        faults: what was wrong already.
        overridden: slash paths that the command line has said.
    """

    source: str
    value: dict[str, Any]
    lines: dict[str, int]
    text: str
    faults: list[Fault] = field(default_factory=list)
    overridden: list[str] = field(default_factory=list)

    def locate(self, fault: Fault) -> Fault:
        """The fault with its line: that of the nearest enclosing key in the file, or none if `--set` said it."""
        if fault.line is not None:
            return fault
        path = fault.path
        if any(f"{path}/".startswith(f"{told}/") for told in self.overridden):
            return fault
        while path and path not in self.lines:
            path = path.rpartition("/")[0]
        return Fault(fault.path, fault.message, self.lines.get(path) if path else None)


def load(path: Path, overrides: Sequence[str] = ()) -> SpecTree:
    """Reads a spec file and lays overrides over it.

    Args:
        path: the file.
        overrides: each ``path=value``, the path with slashes or dots, the value as it would stand in the file.

    Raises:
        SpecError: the file is not strict YAML, or not a mapping.
    """
    source = str(path)
    text, document = strict_yaml.read(path)
    if document.value is None:
        raise SpecError(source, [Fault("", "A spec says what to run, but this file is empty.")])
    if not isinstance(document.value, dict):
        raise SpecError(source, [Fault("", "A spec is a mapping (`key: value`), but this file is none.", 1)])
    value = _written_out(document.value)
    _make_absolute(value, path.resolve().parent)
    tree = SpecTree(source, value, dict(document.lines), text, list(document.faults))
    for override in overrides:
        _override(tree, override)
    if overrides:
        tree.text = f"# From {path.name}, with every --set written in.\n" + yaml.safe_dump(
            tree.value, sort_keys=False, allow_unicode=True
        )
    return tree


def tuples(value: Any) -> Any:
    """Lists as tuples, all the way down: what strict pydantic takes where a frozen value holds several."""
    if isinstance(value, Mapping):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def _written_out(value: dict[str, Any]) -> dict[str, Any]:
    result = dict(value)
    for section, key in SHORT_FORMS.items():
        if isinstance(result.get(section), str):
            result[section] = {key: result[section]}
    for section in SHORT_LISTS:
        items = result.get(section)
        if isinstance(items, list):
            result[section] = [{"name": item} if isinstance(item, str) else item for item in items]
    return result


def _make_absolute(value: dict[str, Any], folder: Path) -> None:
    """Files are looked for beside the spec that names them, not where the command was typed."""
    for section, key in FILE_PATHS:
        part = value.get(section)
        if isinstance(part, dict) and isinstance(part.get(key), str):
            value[section] = {**part, key: str(folder / Path(part[key]).expanduser())}


def _override(tree: SpecTree, override: str) -> None:
    name, sign, text = override.partition("=")
    name = name.strip()
    source = f"--set {override}"
    if not sign or not name:
        tree.faults.append(
            Fault("", f"`--set` takes `path=value`, but got '{override}'. Try `--set budget/trials=10`.")
        )
        return
    try:
        value = strict_yaml.parse_value(text, source)
    except SpecError as error:
        tree.faults.extend(Fault(name, f"`{source}`: {fault.message}") for fault in error.faults)
        return
    keys = name.split("/") if "/" in name else name.split(".")
    if len(keys) == 1 and keys[0] in SHORT_FORMS and isinstance(value, str):
        value = {SHORT_FORMS[keys[0]]: value}
    if tuple(keys) in FILE_PATHS and isinstance(value, str):
        value = str(Path.cwd() / Path(value).expanduser())
    problem = _put(tree.value, keys, value)
    if problem:
        tree.faults.append(Fault(name, f"`{source}`: {problem}"))
        return
    path = "/".join(keys)
    tree.overridden.append(path)


def _put(node: Any, keys: list[str], value: Any) -> str:
    """Sets one value in the tree, in place; returns what is wrong with the path, or nothing."""
    while True:
        if isinstance(node, list):
            if not keys[0].isdecimal() or int(keys[0]) >= len(node):
                return f"'{keys[0]}' is no place in a list of {len(node)}. Count from 0."
            key: Any = int(keys[0])
            rest = keys[1:]
        else:
            key, rest = _longest(node, keys)
        if not rest:
            node[key] = value
            return ""
        below = node[key] if isinstance(node, list) else node.get(key)
        if below is None:
            below = node[key] = {}
        if not isinstance(below, dict | list):
            return f"'{key}' is a single value and has nothing below it. {nearest(key, node)}".strip()
        node, keys = below, rest


def _longest(node: dict[str, Any], keys: list[str]) -> tuple[str, list[str]]:
    """The next key: parameters of a written-out space have slashes in their names, so the longest match wins."""
    for count in range(len(keys), 1, -1):
        joined = "/".join(keys[:count])
        if joined in node:
            return joined, keys[count:]
    return keys[0], keys[1:]
