"""YAML that means what it says: one way to write a number, no aliases, no duplicates, a line for every value.

Plain YAML reads ``1e-3`` as text, ``on`` as true and ``1:30`` as 90, keeps the last of two equal keys and lets a
kilobyte of aliases unfold to gigabytes. Here numbers follow YAML 1.2, only ``true`` and ``false`` are booleans, and
all else is refused with the line it stands in.
"""

import math
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import JsonValue
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from acgkd.errors import Fault, SpecError

SIZE_LIMIT = 64 * 1024
DEPTH_LIMIT = 20
DIGIT_LIMIT = 18

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"([-+]?\.inf|\.nan)\Z", re.IGNORECASE)
_ZEROS = re.compile(r"[-+]?0[0-9]+\Z")
# To YAML 1.1 a number, to YAML 1.2 text.
_UNDERSCORES = re.compile(r"(?=.*_)[-+]?\.?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9][0-9_]*)?\Z")
_NULL = ("", "~", "null", "Null", "NULL")
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_OPEN = "The text ends too early. Close the bracket or the quote that is still open."
_NO_COLON = "A key without its `:`. Write `key: value`."
_TAB = "Use spaces: YAML allows no tab here, but this line has one."


@dataclass
class Document:
    """What a file says.

    Args:
        value: mappings, lists, text, numbers, booleans, None.
        lines: slash path of every value to its line, counted from 1.
        faults: what is wrong though the rest could be read.
    """

    value: JsonValue
    lines: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


class _RefusedError(Exception):
    """Stops the parser with a law and a line."""

    def __init__(self, message: str, mark: Any) -> None:
        super().__init__(message)
        self.line: int | None = mark.line + 1 if mark is not None else None


class _Loader(yaml.SafeLoader):
    """Composes nodes; refuses what can grow or run. Values are made by `_Builder`, so no resolver is asked."""

    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError(f"Aliases are not allowed, but got `*{event.anchor}`. Write the value out.", mark)
        if getattr(event, "anchor", None) is not None:
            raise _RefusedError(f"Anchors are not allowed, but got `&{event.anchor}`. Write values out.", mark)
        if getattr(event, "tag", None) not in (None, "!"):
            raise _RefusedError(f"Tags are not allowed, but got `{event.tag}`. Leave it out.", mark)
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise _RefusedError(f"Values may be nested {DEPTH_LIMIT} levels deep, but here is one more.", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


class _Builder:
    """Turns nodes into values, and notes lines and faults on the way."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []

    def fault(self, path: str, message: str, node: Node) -> None:
        self.faults.append(Fault(path, message, node.start_mark.line + 1))

    def build(self, node: Node, path: str) -> JsonValue:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, f"{path}/{number}".lstrip("/")) for number, item in enumerate(node.value)]
        return self.scalar(node, path)

    def mapping(self, node: MappingNode, path: str) -> dict[str, JsonValue]:
        result: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.fault(path, "A key must be a word, but here is a list or a mapping.", key_node)
                continue
            key = str(key_node.value)
            below = f"{path}/{key}".lstrip("/")
            if not key:
                self.fault(path, "A key must be a word, but here is an empty one.", key_node)
            elif key in result:
                self.fault(
                    below, f"Duplicate key, first given in line {self.lines[below]}. Leave one of them out.", key_node
                )
            else:
                self.lines[below] = key_node.start_mark.line + 1
                result[key] = self.build(value_node, below)
        return result

    def scalar(self, node: Node, path: str) -> JsonValue:
        text = str(node.value)
        if getattr(node, "style", None) is not None:  # quoted, or a block: text, whatever it looks like
            return text
        if text in _NULL:
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        if INTEGER.match(text):
            if len(text.lstrip("+-")) <= DIGIT_LIMIT:
                return int(text)
            self.fault(path, f"Whole numbers have at most {DIGIT_LIMIT} digits, but here are {len(text)}.", node)
            return None
        if _NOT_FINITE.match(text) or (FLOAT.match(text) and not math.isfinite(float(text))):
            self.fault(path, f"Numbers must be finite, but got {_short(text)}.", node)
            return None
        if _ZEROS.match(text) or _UNDERSCORES.match(text):
            law = "Digits stand without underscores" if "_" in text else "A whole number has no leading zeros"
            meant = text.replace("_", "") if "_" in text else text.lstrip("+-0") or "0"
            way_out = f"Write {_short(meant)}, or quote it if it is text."
            self.fault(path, f"{law}, but got {_short(text)}. {way_out}", node)
            return None
        return float(text) if FLOAT.match(text) else text


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def parse(text: str, source: str) -> Document:
    """Reads one document.

    Args:
        text: what the file holds.
        source: how to call it in errors.

    Raises:
        SpecError: the text is not YAML, or more than plain YAML; such a fault hides what comes after it.
    """
    if len(text.encode("utf-8", "surrogatepass")) > SIZE_LIMIT:
        raise SpecError(source, [Fault("", f"A spec may hold {SIZE_LIMIT // 1024} KiB, but this one holds more.")])
    for line_number, line in enumerate(text.splitlines(), 1):
        if "\t" in line[: len(line) - len(line.lstrip())] and line.strip():
            raise SpecError(source, [Fault("", _TAB, line_number)])
    try:
        node = _Loader(text).get_single_node()
    except _RefusedError as refusal:
        raise SpecError(source, [Fault("", str(refusal), refusal.line)]) from None
    except yaml.MarkedYAMLError as error:
        message = _explain(error)
        # What is left open is reported where it was opened, everything else where the parser stumbled.
        first, second = error.problem_mark, error.context_mark
        mark = (second or first) if message in (_OPEN, _NO_COLON) else (first or second)
        raise SpecError(source, [Fault("", message, mark.line + 1 if mark else None)]) from None
    except yaml.reader.ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        raise SpecError(source, [Fault("", "A spec is text, but this line has a control character.", number)]) from None
    if node is None:
        return Document(None)
    builder = _Builder()
    return Document(builder.build(node, ""), builder.lines, builder.faults)


def _explain(error: yaml.MarkedYAMLError) -> str:
    """The parser's words, and the way out for the mistakes that people make."""
    problem = (error.problem or error.context or "cannot be parsed").rstrip(".")
    if "\\t" in problem or "tab" in problem:
        return _TAB
    if "another document" in problem or "expected a single document" in str(error):
        return "A spec is one document, but here a second one starts. Remove the `---`."
    if "<stream end>" in problem or "end of stream" in problem:
        return _OPEN
    if "mapping values are not allowed" in problem:
        return "A second `:` in one value. Quote the value, or start a new line and indent it."
    if "could not find expected ':'" in problem:
        return _NO_COLON
    return f"This is not YAML: {problem}. Look at the indentation, brackets and quotes here and just above."


def read(path: Path) -> tuple[str, Document]:
    """Reads a file: its text and what it says.

    Raises:
        SpecError: there is no such file, it is not a readable text file of sensible size, or it is not strict YAML.
    """
    source = str(path)

    def refuse(message: str) -> SpecError:
        return SpecError(source, [Fault("", message)])

    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise refuse("A spec is a file, but this is a folder. Name the file in it.")
        if not stat.S_ISREG(status.st_mode):
            raise refuse("A spec is a plain file, but this is a device or a pipe.")
        if status.st_size > SIZE_LIMIT:
            size = f"{status.st_size / 2**20:,.1f} MiB"
            raise refuse(f"A spec may hold {SIZE_LIMIT // 1024} KiB, but this file holds {size}. Is it a data file?")
        if not os.access(path, os.R_OK):
            raise refuse("This file cannot be read: you have no permission. `chmod u+r` gives it.")
        raw = path.read_bytes()
    except FileNotFoundError:
        raise refuse("There is no such file.") from None
    except SpecError:  # which is a ValueError too
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise refuse(f"This file cannot be read: {reason}.") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(
            f"A spec is text in UTF-8, but byte {error.start} of this file is not. Is it a data file, or UTF-16?"
        ) from None
    if "\0" in text:
        raise refuse("A spec is text, but this file holds zero bytes. Is it a data file?")
    return text, parse(text, source)


def parse_value(text: str, source: str) -> JsonValue:
    """Reads the value of a `--set path=value` by the same rules.

    Raises:
        SpecError: it is not strict YAML.
    """
    document = parse(text, source)
    if document.faults:
        raise SpecError(source, [Fault("", fault.message) for fault in document.faults])
    return document.value
