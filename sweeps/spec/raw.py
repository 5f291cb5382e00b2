"""A spec as a tree of plain values: short forms written out, overrides laid over it, paths made absolute."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import JsonValue

from acgkd.config import DatasetConfig, MethodChoice, ShortConfig, StudentConfig, TeacherConfig, spelled_out
from acgkd.errors import Fault, SpecError, nearest
from sweeps.spec import strict_yaml
from sweeps.spec.controls import Control
from sweeps.spec.sections import Objective, SamplerConfig, SchedulerConfig
from sweeps.spec.values import plain

# Sections, and items of lists, for which a plain word may stand.
SHORT_SECTIONS: dict[str, type[ShortConfig]] = {
    "dataset": DatasetConfig,
    "teacher": TeacherConfig,
    "student": StudentConfig,
    "method": MethodChoice,
    "sampler": SamplerConfig,
    "scheduler": SchedulerConfig,
}
SHORT_LISTS: dict[str, type[ShortConfig]] = {"objectives": Objective, "controls": Control}
FILE_PATHS = (("dataset", "root"), ("dataset", "path"), ("dataset", "split_file"), ("teacher", "checkpoint"))
PLUGINS = "plugins"
UNTRUSTED_PLUGINS = "`plugins` are Python code, which a spec may not run by itself. `--trust-code` allows it."

Overrides = Mapping[str, object] | Sequence[str]


@dataclass
class SpecTree:
    """What a spec says, still unchecked.

    Args:
        source: the file, as the user named it; or what stands for it in messages.
        value: its tree, as far as it could be read.
        lines: line of the file of every slash path.
        text: the file as it is, or with every override written in.
        faults: what was wrong already.
        overridden: slash paths that overrides have said.
        stem: of the file; what a spec without `name` is called.
        folder: of the file; the current one where there is none.
    """

    source: str
    value: dict[str, JsonValue]
    lines: dict[str, int]
    text: str
    faults: list[Fault] = field(default_factory=list)
    overridden: list[str] = field(default_factory=list)
    stem: str | None = None
    folder: Path = field(default_factory=Path.cwd)

    @property
    def name(self) -> str:
        """What the sweep is called, if that could be read."""
        return str(self.value.get("name", self.stem or ""))

    def locate(self, fault: Fault) -> Fault:
        """The fault with its line: that of the nearest enclosing key in the file, or none if an override said it."""
        if fault.line is not None:
            return fault
        path = fault.path
        if any(f"{path}/".startswith(f"{said}/") for said in self.overridden):
            return fault
        while path and path not in self.lines:
            path = path.rpartition("/")[0]
        return Fault(fault.path, fault.message, self.lines.get(path) if path else None)


def read_tree(path: Path, overrides: Overrides = ()) -> SpecTree:
    """Reads a spec file and lays overrides over it.

    Args:
        path: the file. Files that it names are looked for beside it.
        overrides: each ``path=value``, the path with slashes or dots, the value as it would stand in the file; or
            values by path.

    Raises:
        SpecError: the file is not strict YAML, or not a mapping.
    """
    source = str(path)
    text, document = strict_yaml.read(path)
    if document.value is None:
        raise SpecError(source, [Fault("", "A spec says what to run, but this file is empty.")])
    if not isinstance(document.value, dict):
        raise SpecError(source, [Fault("", "A spec is a mapping (`key: value`), but this file is none.", 1)])
    value, faults = plain(document.value)
    value = written_out(value)
    folder = path.resolve().parent
    make_absolute(value, folder)
    faults = [*document.faults, *faults]
    tree = SpecTree(source, value, dict(document.lines), text, faults, stem=path.stem, folder=folder)
    if overrides:
        _lay_over(tree, overrides)
        tree.text = f"# From {path.name}, with every override written in.\n" + _text(tree.value)
    return tree


def is_suite_tree(tree: SpecTree) -> bool:
    """Whether a spec is of a suite, and not of one sweep."""
    return "suite" in tree.value


def tree_of(mapping: Mapping[str, object], overrides: Overrides = ()) -> SpecTree:
    """What a mapping says, as a file would say it, with overrides laid over it.

    Args:
        mapping: plain values, nested; tuples count as lists, numpy's numbers as Python's. Files that it names are
            looked for in the current folder.
        overrides: as for `read_tree`.
    """
    value, faults = plain(mapping)
    value = written_out(value)
    make_absolute(value, Path.cwd())
    tree = SpecTree("the mapping", value, {}, "", faults)
    _lay_over(tree, overrides)
    tree.text = _text(tree.value)
    return tree


def tuples(value: object) -> object:
    """Lists as tuples, all the way down: what strict pydantic takes where a frozen value holds several."""
    if isinstance(value, Mapping):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def _text(value: Mapping[str, object]) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


def written_out(value: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A spec with every short form spelled out."""
    result = dict(value)
    for section, config in SHORT_SECTIONS.items():
        if section in result:
            result[section] = spelled_out(result[section], config.word)
    for section, config in SHORT_LISTS.items():
        listed = result.get(section)
        if isinstance(listed, list):
            result[section] = [spelled_out(item, config.word) for item in listed]
    return result


def make_absolute(value: dict[str, JsonValue], folder: Path) -> None:
    """Files are looked for beside the spec that names them, then where the command was typed."""
    for section, key in FILE_PATHS:
        part = value.get(section)
        path = part.get(key) if isinstance(part, dict) else None
        if isinstance(part, dict) and isinstance(path, str):
            value[section] = {**part, key: _absolute(path, folder)}
    if PLUGINS in value:
        value[PLUGINS] = _absolute_all(value[PLUGINS], folder)


def _absolute_all(paths: JsonValue, folder: Path) -> JsonValue:
    """One path or several as a list; what is neither is reported when it is read."""
    listed = [paths] if isinstance(paths, str) else paths
    texts = [path for path in listed if isinstance(path, str)] if isinstance(listed, list) else []
    whole = isinstance(listed, list) and len(texts) == len(listed)
    return [os.path.normpath(_absolute(path, folder)) for path in texts] if whole else paths


def _absolute(path: str, folder: Path) -> str:
    # Unlike `Path.expanduser`, it leaves the `~` of somebody who has no home here as it is.
    beside, here = (place / os.path.expanduser(path) for place in (folder, Path.cwd()))
    return str(here if not os.path.lexists(beside) and os.path.lexists(here) else beside)


def _lay_over(tree: SpecTree, overrides: Overrides) -> None:
    if isinstance(overrides, Mapping):
        for name, given in overrides.items():
            value, faults = plain(given, str(name))
            tree.faults += faults
            if not faults:
                _override(tree, str(name), value, f"override `{name}`")
        return
    for override in overrides:
        name, sign, text = override.partition("=")
        if not sign or not name.strip():
            message = f"`--set` takes `path=value`, but got '{override}'. Try `--set budget/trials=10`."
            tree.faults.append(Fault("", message))
            continue
        source = f"--set {override}"
        try:
            value = strict_yaml.parse_value(text, source)
        except SpecError as error:
            tree.faults.extend(Fault(name.strip(), f"`{source}`: {fault.message}") for fault in error.faults)
            continue
        value, faults = plain(value, name.strip())
        tree.faults += (Fault(fault.path, f"`{source}`: {fault.message}") for fault in faults)
        if not faults:
            _override(tree, name.strip(), value, f"`{source}`")


def _override(tree: SpecTree, name: str, value: JsonValue, source: str) -> None:
    keys = name.split("/") if "/" in name else name.split(".")
    if len(keys) == 1:
        value = written_out({name: value})[name]
    if tuple(keys) in FILE_PATHS and isinstance(value, str):
        value = _absolute(value, Path.cwd())
    if name.rstrip("+") == PLUGINS:
        value = _absolute_all(value, Path.cwd())
        if name.endswith("+") and isinstance(value, list):  # beside those of the file
            own = tree.value.get(PLUGINS)
            value = list(dict.fromkeys([*(own if isinstance(own, list) else ()), *value]))
        keys = [PLUGINS]
    space = tree.value.get("space")
    other = {"module": "preset", "preset": "module"}.get(keys[-1])
    section = tree.value.get(keys[0])
    if len(keys) == 2 and keys[0] in ("teacher", "student") and other and isinstance(section, dict):
        section.pop(other, None)  # two names of one thing: the override's is meant
    if keys[0] == "space" and isinstance(space, dict) and isinstance(value, dict) and "type" in value:
        keys = ["space", "/".join(keys[1:])]  # a parameter, whose name has slashes of its own
    problem = _put(tree.value, keys, value)
    if problem:
        tree.faults.append(Fault(name, f"{source}: {problem}"))
        return
    tree.overridden.append("/".join(keys))


def _put(node: dict[str, JsonValue] | list[JsonValue], keys: list[str], value: JsonValue) -> str:
    """Sets one value in the tree, in place; returns what is wrong with the path, or nothing."""
    while True:
        if isinstance(node, list):
            key, rest = keys[0], keys[1:]
            if not key.isdecimal() or int(key) >= len(node):
                return f"'{key}' is no place in a list of {len(node)}. Count from 0."
            if not rest or node[int(key)] is None:
                node[int(key)] = {} if rest else value
            below = node[int(key)]
        else:
            key, rest = _longest(node, keys)
            if not rest or node.get(key) is None:
                node[key] = {} if rest else value
            below = node[key]
        if not rest:
            return ""
        if not isinstance(below, dict | list):
            hint = nearest(key, node) if isinstance(node, dict) else ""
            return f"'{key}' is a single value and has nothing below it. {hint}".strip()
        node, keys = below, rest


def _longest(node: dict[str, JsonValue], keys: list[str]) -> tuple[str, list[str]]:
    """The next key: parameters of a written-out space have slashes in their names, so the longest match wins."""
    for count in range(len(keys), 1, -1):
        joined = "/".join(keys[:count])
        if joined in node:
            return joined, keys[count:]
    return keys[0], keys[1:]
